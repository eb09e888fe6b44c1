"""Counts the messages of a `.tlog` as pymavlink reads it: one JSON object, id to name and count.

    tlog_counts.py FILE DIALECT.xml

`DIALECT.xml` is generated and loaded, so that messages of our own dialect are read too.
"""

import json
import os
import sys

os.environ["MAVLINK20"] = "1"

from pymavlink import mavutil

from dialect import load

log = mavutil.mavlink_connection(sys.argv[1], dialect="common", robust_parsing=True, notimestamps=False)
log.mav = load(sys.argv[2]).MAVLink(None)
log.mav.robust_parsing = True
counts = {}
while (message := log.recv_msg()) is not None:
    name = message.get_type()
    # What no dialect knows has its number in its name only.
    number = name.removeprefix("UNKNOWN_") if name.startswith("UNKNOWN_") else str(message.get_msgId())
    entry = counts.setdefault(number, {"name": name, "count": 0})
    entry["count"] += 1
print(json.dumps(counts))
