"""Watches a replay over MAVLink as a ground station would: one JSON object of what was heard.

    watch_replay.py PORT SECONDS

Listens on UDP, counts messages by name, and keeps every position with the aircraft's own clock. Asks for the parameters and
sends an order, neither of which a recording may answer.
"""

import json
import os
import sys
import time

os.environ["MAVLINK20"] = "1"

from pymavlink import mavutil

line = mavutil.mavlink_connection(f"udpin:127.0.0.1:{sys.argv[1]}", dialect="common", source_system=254)
# The companion beats too, and which of the two comes first is luck: the aircraft is told by its autopilot's beat.
beat = line.recv_match(
    type="HEARTBEAT",
    condition="HEARTBEAT.autopilot != %d" % mavutil.mavlink.MAV_AUTOPILOT_INVALID,
    blocking=True,
    timeout=20,
)
assert beat is not None, "no autopilot's heartbeat"
line.mav.param_request_list_send(line.target_system, 1)
line.mav.command_long_send(line.target_system, 1, mavutil.mavlink.MAV_CMD_COMPONENT_ARM_DISARM, 0, 1, 0, 0, 0, 0, 0, 0)
counts, places = {}, []
until = time.monotonic() + float(sys.argv[2])
while time.monotonic() < until:
    m = line.recv_match(blocking=True, timeout=1)
    if m is None:
        continue
    counts[m.get_type()] = counts.get(m.get_type(), 0) + 1
    if m.get_type() == "GLOBAL_POSITION_INT":
        places.append([m.time_boot_ms, m.lat, m.lon, m.relative_alt])
print(json.dumps({"autopilot": beat.autopilot, "type": beat.type, "system": line.target_system, "counts": counts, "places": places}))
