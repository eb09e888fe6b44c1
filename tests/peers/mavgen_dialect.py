"""pymavlink's generator takes our dialect, and what it generates decodes our frames.

    mavgen_dialect.py DIALECT.xml FRAMES EXPECTED.json

`FRAMES`: frames one after the other. `EXPECTED.json`: for each frame its message's name and some of its fields.
"""

import json
import os
import sys

os.environ["MAVLINK20"] = "1"

from dialect import load
from report import check, finish

module = load(sys.argv[1])
ours = [m for i, m in module.mavlink_map.items() if 54100 <= i <= 54119]
check("the generator takes the dialect", len(ours) > 0, f"{len(ours)} messages of ours")
with open(sys.argv[3]) as file:
    expected = json.load(file)
parser = module.MAVLink(None)
with open(sys.argv[2], "rb") as file:
    got = parser.parse_buffer(file.read()) or []
names = [m.get_type() for m in got]
check("every frame decodes", names == [e["name"] for e in expected], names)


def plain(value):
    return value.rstrip("\0") if isinstance(value, str) else value


for message, wanted in zip(got, expected):
    fields = {k: plain(v) for k, v in message.to_dict().items()}
    wrong = {k: (v, fields.get(k)) for k, v in wanted["fields"].items() if fields.get(k) != v}
    check(f"{wanted['name']}: fields as written", not wrong, wrong or f"{len(wanted['fields'])} fields")
finish(2 + len(expected))
