"""Counts the messages of a `.tlog` as pymavlink reads it: one JSON object, name to count.

    tlog_counts.py FILE DIALECT.xml

`DIALECT.xml` is generated and loaded, so that messages of our own dialect are counted by name.
"""

import collections
import json
import os
import sys

os.environ["MAVLINK20"] = "1"

from dialect import load

module = load(sys.argv[2])
from pymavlink import mavutil

mavutil.mavlink = module
log = mavutil.mavlogfile(sys.argv[1])
log.mav = module.MAVLink(None, srcSystem=255)
log.mav.robust_parsing = True
counts = collections.Counter()
while (message := log.recv_msg()) is not None:
    counts[message.get_type()] += 1
print(json.dumps(counts, sort_keys=True))
