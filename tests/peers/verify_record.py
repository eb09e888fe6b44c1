"""Verifies recorded flights by docs/record.md alone: a second opinion that shares no code with the program.

    verify_record.py DIR...

Prints one JSON object a folder: {"dir", "intact", "complete", "problems": [[file, what], ...]}.
"""

import base64
import hashlib
import json
import os
import sys

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


def sha(data):
    return hashlib.sha256(data).hexdigest()


def signed(key, signature, message):
    try:
        key.verify(signature, message)
        return True
    except InvalidSignature:
        return False


def read(folder, name):
    path = os.path.join(folder, name)
    if os.path.islink(path) or not os.path.isfile(path):
        return None
    with open(path, "rb") as f:
        return f.read()


def names(folder):
    out = []
    for root, _, files in os.walk(folder):
        out += [os.path.relpath(os.path.join(root, f), folder).replace(os.sep, "/") for f in files]
    return sorted(out)


def chain(data, bad):
    """Entries that are whole, signed and linked; stops at the first that is not. Also whether the rest is a torn end."""
    entries, at, before, key = [], 0, bytes(32), None
    while at < len(data):
        rest = data[at:]
        length = int.from_bytes(rest[4:8], "little")
        body = rest[40 : 40 + length]
        if len(rest) < 40 or len(body) < length:
            torn = rest[:4] == b"PJ01"[: len(rest[:4])] or rest.endswith(b"\0")
            if not torn:
                bad("flight.chain", f"byte {at}: no entry")
            return entries, key, before, True
        try:
            entry = json.loads(body[64:])
            if not entries:
                key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(entry["open"]["key"]))
            good = (
                rest[:4] == b"PJ01"
                and rest[8:40] == hashlib.sha256(before + body).digest()
                and entry["prev"] == before.hex()
                and entry["n"] == len(entries)
                and not (entries and "close" in entries[-1])
                and signed(key, body[:64], b"patrol-chain/1" + body[64:])
            )
        except (ValueError, KeyError, TypeError):
            good = False
        if not good:
            if not data.endswith(b"\0"):
                bad("flight.chain", f"byte {at}: entry {len(entries)} is not what was signed")
            return entries, key, before, True
        entries.append(entry)
        before = rest[8:40]
        at += 40 + length
    return entries, key, before, False


def records(span):
    """The lengths and tags of a span's map."""
    text = span["map"]
    data = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    at = 0
    while at < len(data):
        length = shift = 0
        while True:
            byte = data[at]
            at += 1
            length |= (byte & 0x7F) << shift
            shift += 7
            if not byte & 0x80:
                break
        yield length, data[at : at + 4]
        at += 4


def verify(folder):
    problems = []

    def bad(name, what):
        problems.append([name, what])

    present = names(folder)
    entries, key, head, torn = chain(read(folder, "flight.chain") or b"", bad)
    closed = bool(entries) and "close" in entries[-1]
    if closed and torn:
        bad("flight.chain", "bytes behind the closing entry")
    ends, wholes, copies, covered = {}, {}, {}, {"flight.chain", "manifest.json", "manifest.sig"}
    for entry in entries:
        for span in entry.get("spans", []):
            name = span["file"]
            covered.add(name)
            data = (read(folder, name) or b"")[span["from"] : span["from"] + span["len"]]
            where = f"segment {entry['n']}, byte {span['from']}"
            if ends.get(name, 0) != span["from"]:
                bad(name, f"{where}: does not follow the span before")
            if len(data) != span["len"] or sha(data) != span["sha256"]:
                bad(name, f"{where}: not as recorded")
            elif sum(length for length, _ in records(span)) != span["len"]:
                bad(name, f"{where}: the map does not fit")
            ends[name] = span["from"] + span["len"]
        for whole in entry.get("whole", []):
            wholes[whole["file"]] = whole
        for copy in entry.get("copies", []):
            copies.setdefault(copy["file"], []).append(copy["of"])
    for name, whole in wholes.items():
        covered.add(name)
        data = read(folder, name)
        if data is None or len(data) != whole["len"] or sha(data) != whole["sha256"]:
            bad(name, "not as recorded")
    for name, originals in copies.items():
        covered.add(name)
        data = read(folder, name)
        allowed = originals[-1:] if closed else originals
        if data is None:
            if closed:
                bad(name, "gone")
        elif sha(data) not in [wholes[o]["sha256"] for o in allowed if o in wholes]:
            bad(name, "not a copy of what it should be")
    for name, end in ends.items():
        if closed and len(read(folder, name) or b"") != end:
            bad(name, "its length is not what was recorded")
    if closed:
        want = entries[-1]["close"]
        if want["entries"] != len(entries) or want["bytes"] != ends:
            bad("flight.chain", "the closing entry does not fit")

    manifest, signature = read(folder, "manifest.json"), read(folder, "manifest.sig")
    sealed = manifest is not None
    if sealed:
        if signature is None or key is None or not signed(key, signature, manifest):
            bad("manifest.json", "manifest and signature do not fit")
        else:
            m = json.loads(manifest)
            if m["entries"] != len(entries) or m["head"] != head.hex() or m["flight"] != entries[0]["open"]["flight"]:
                bad("flight.chain", "not the chain that was closed")
            listed = {f["file"] for f in m["files"]}
            for f in m["files"]:
                data = read(folder, f["file"])
                if data is None or len(data) != f["len"] or sha(data) != f["sha256"]:
                    bad(f["file"], "not as listed")
                elif "sm3" in f and "sm3" in hashlib.algorithms_available:
                    if hashlib.new("sm3", data).hexdigest() != f["sm3"]:
                        bad(f["file"], "its SM3 is not the one listed")
            for name in present:
                if name not in listed and name not in ("manifest.json", "manifest.sig") and not name.endswith(".rrd"):
                    bad(name, "not listed")
    # A companion's own log says from its beginning that it has no manifest: its chain names every file.
    bare = bool(entries) and entries[0]["open"].get("bare", False)
    if bare and closed and not sealed:
        for name in present:
            if name not in covered and not name.endswith(".rrd"):
                bad(name, "never recorded")
    if not entries:
        bad("flight.chain", "no entry")
    complete = not problems and closed and (sealed or bare)
    return {"dir": folder, "intact": not problems, "complete": complete, "problems": problems}


if __name__ == "__main__":
    for d in sys.argv[1:]:
        print(json.dumps(verify(d)))
