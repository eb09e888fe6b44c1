"""Scans the HTTP API by its own OpenAPI document with schemathesis: nobody logged in, then somebody with every role.

    scan_api.py BASE_URL FIRST_CODE SECONDS

BASE_URL is a fresh station whose first admin FIRST_CODE makes. Each of the two scans ends within SECONDS / 2. Prints one
JSON object with what was asked and what came back. Exit 0: no answer was 5xx, and what the scan needs to mean anything held.
"""

import base64
import hashlib
import hmac
import json
import os
import struct
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

NAME, PASSWORD = "Scan", "correct horse battery"
ROLES = ["viewer", "pilot", "supervisor", "evidence", "admin"]
# They end the session that scans; both are asked by hand after it.
ENDS = ["/api/logout", "/api/lock"]


class Browser:
    def __init__(self, base):
        self.base, self.cookie, self.csrf = base.rstrip("/"), "", ""
        self.hello()

    def headers(self):
        own = {"Origin": self.base, "X-CSRF": self.csrf}
        return own | ({"Cookie": self.cookie} if self.cookie else {})

    def ask(self, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.base + path, data, self.headers())
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                if fresh := answer.headers.get("Set-Cookie"):
                    self.cookie = fresh.split(";")[0]
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as e:
            return e.code, None

    def hello(self):
        hello = self.ask("/api/hello")[1]
        self.csrf = hello["csrf"]
        return hello


def code(secret):
    """RFC 6238: SHA-1, 30 s, six figures."""
    key = base64.b32decode(secret + "=" * (-len(secret) % 8))
    mac = hmac.new(key, struct.pack(">Q", int(time.time()) // 30), hashlib.sha1).digest()
    at = mac[-1] & 15
    return f"{(int.from_bytes(mac[at : at + 4], 'big') & 0x7FFFFFFF) % 1_000_000:06}"


def scan(document, base, headers, seconds):
    """What was asked, by operation, and how it was answered."""
    with tempfile.TemporaryDirectory() as folder:
        kept, report = os.path.join(folder, "openapi.json"), os.path.join(folder, "events.ndjson")
        with open(kept, "w") as f:
            json.dump(document, f)
        command = [sys.executable, "-c", "from schemathesis.cli import schemathesis; schemathesis()", "run", kept]
        command += ["--url", base, "--checks", "not_a_server_error", "--phases", "coverage,fuzzing"]
        command += ["--max-time", str(seconds), "--max-examples", "40", "--seed", "1", "--continue-on-failure"]
        command += ["--generation-with-security-parameters", "false", "--generation-database", "none"]
        command += ["--suppress-health-check", "all", "--warnings", "off", "--no-color", "--report-ndjson-path", report]
        for path in ENDS:
            command += ["--exclude-path", path]
        for name, value in headers.items():
            command += ["-H", f"{name}: {value}"]
        ran = subprocess.run(command, capture_output=True, text=True, cwd=folder)
        with open(report) as f:
            lines = [json.loads(line) for line in f]
    return ran, lines


def counted(lines):
    answers = {}
    for line in lines:
        done = line.get("ScenarioFinished")
        if not done:
            continue
        for one in done["recorder"].get("interactions", {}).values():
            if one["response"]:
                status = str(one["response"]["status_code"])
                answers[status] = answers.get(status, 0) + 1
    return answers


base, first, seconds = sys.argv[1].rstrip("/"), sys.argv[2], int(sys.argv[3])
admin = Browser(base)
told = admin.ask("/api/enrol", {"name": NAME, "code": first, "password": PASSWORD})[1]
done = admin.ask("/api/enrol/confirm", {"name": NAME, "code": first, "totp": code(told["secret"])})
assert done[0] == 200, done
admin.hello()
assert admin.ask(f"/api/people/{NAME}/roles", {"roles": ROLES})[0] == 200
assert admin.hello()["state"] == "in"
document = admin.ask("/api/openapi.json")[1]

failed = False
for who, browser in (("nobody", Browser(base)), ("every role", admin)):
    ran, lines = scan(document, base, browser.headers(), seconds // 2)
    answers = counted(lines)
    print(json.dumps({"who": who, "answers": answers, "asked": sum(answers.values()), "exit": ran.returncode}))
    if ran.returncode != 0 or any(s.startswith("5") for s in answers):
        failed = True
        print(ran.stdout[-6000:], ran.stderr[-2000:], file=sys.stderr)
# The scan was that of somebody who is still let in.
assert admin.hello()["state"] == "in", "the session did not last"
for path in reversed(ENDS):
    assert admin.ask(path, {})[0] == 200, path
sys.exit(1 if failed else 0)
