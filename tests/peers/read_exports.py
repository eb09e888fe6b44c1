"""Reads what `export` made, with readers that nobody here wrote: zipfile, csv, json, xml, and mcap where it is there.

    read_exports.py PACK.zip CSV_DIR OUT.kml OUT.geojson OUT.mcap

Prints one JSON object with what each holds.
"""

import csv
import hashlib
import json
import os
import sys
import xml.etree.ElementTree
import zipfile

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


def pack(path):
    with zipfile.ZipFile(path) as z:
        assert z.testzip() is None
        names = z.namelist()
        listed = 0
        manifest = next(n for n in names if n.startswith("清单"))
        for line in z.read(manifest).decode().splitlines():
            want, name = line.split("  ", 1)
            assert hashlib.sha256(z.read(name)).hexdigest() == want, name
            listed += 1
        release = json.loads(z.read("release.json"))
        assert release["list_sha256"] == hashlib.sha256(z.read(manifest)).hexdigest()
        people = set()
        for by in release["by"]:
            said = f"{release['format']}\n{release['list_sha256']}\n{release['t_us']}\n{release['purpose']}\n{by['name']}\n"
            Ed25519PublicKey.from_public_bytes(bytes.fromhex(by["key"])).verify(
                bytes.fromhex(by["signature"]), said.encode()
            )
            people.add((by["name"], by["key"]))
        return {
            "listed": listed,
            "people": len(people),
            "record": sum(n.startswith("record/") for n in names),
            "instructions": sum("verify_record.py" in n or "record.md" in n for n in names),
        }


def table(path):
    with open(path, encoding="utf-8-sig", newline="") as f:
        return len(list(csv.DictReader(f)))


def kml(path):
    tree = xml.etree.ElementTree.parse(path)
    space = "{http://www.opengis.net/kml/2.2}"
    return len(tree.findall(f".//{space}Placemark"))


def geojson(path):
    with open(path, encoding="utf-8") as f:
        data = json.load(f)
    assert data["type"] == "FeatureCollection"
    return len(data["features"])


def mcap(path):
    try:
        from mcap.reader import make_reader
    except ImportError:
        return None
    topics = {}
    with open(path, "rb") as f:
        for _, channel, message in make_reader(f).iter_messages():
            if channel.message_encoding == "json":
                json.loads(message.data)
            topics[channel.topic] = topics.get(channel.topic, 0) + 1
    return topics


pack_path, csv_dir, kml_path, geojson_path, mcap_path = sys.argv[1:]
print(
    json.dumps(
        {
            "pack": pack(pack_path),
            "csv": {n: table(os.path.join(csv_dir, n)) for n in sorted(os.listdir(csv_dir))},
            "kml": kml(kml_path),
            "geojson": geojson(geojson_path),
            "mcap": mcap(mcap_path),
        }
    )
)
