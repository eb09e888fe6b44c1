"""pymavlink as a ground station against `onboard`: mission, fence and rally in any order, compared after download; a
mission that leaves the fence between two inside waypoints is refused, and the old plan is intact.

    pymavlink_gate.py --link udpout:127.0.0.1:14550 --as px4|ardupilot
"""

import argparse
import itertools
import math
import os
import time

os.environ["MAVLINK20"] = "1"

from pymavlink import mavutil
from pymavlink.dialects.v20 import common as m

from report import check, finish, wait_for

MISSION, FENCE, RALLY, ALL = 0, 1, 2, 255
KINDS = {MISSION: "mission", FENCE: "fence", RALLY: "rally"}


class Station:
    """A ground station on a MAVLink connection."""

    def __init__(self, link):
        self.link = mavutil.mavlink_connection(link, source_system=255, source_component=190, dialect="common")
        self.beat = 0.0
        self.texts = []
        self.home = None
        self.heard = None

    def receive(self, wanted=(), timeout_s=0.2):
        """The next message whose type is in `wanted` (or None), while heartbeats go out and texts are kept."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            if time.monotonic() - self.beat > 1.0:
                self.beat = time.monotonic()
                self.link.mav.heartbeat_send(m.MAV_TYPE_GCS, m.MAV_AUTOPILOT_INVALID, 0, 0, m.MAV_STATE_ACTIVE)
            message = self.link.recv_match(blocking=True, timeout=0.05)
            if message is None:
                continue
            kind = message.get_type()
            if kind == "STATUSTEXT":
                self.texts.append(message.text)
            elif kind == "HOME_POSITION":
                self.home = (message.latitude, message.longitude, message.altitude / 1000)
            elif kind == "HEARTBEAT" and message.get_srcComponent() == 1:
                self.heard = message.autopilot
            if kind in wanted and message.get_srcComponent() == 1:
                return message
        return None

    def upload(self, kind, items, timeout_s=20):
        """Sends a list by the mission protocol; the acknowledgement's result, or None."""
        count = lambda: self.link.mav.mission_count_send(1, 1, len(items), kind)
        count()
        sent = time.monotonic()
        deadline = sent + timeout_s
        asked = False
        while time.monotonic() < deadline:
            got = self.receive(("MISSION_REQUEST", "MISSION_REQUEST_INT", "MISSION_ACK"))
            if got is None:
                if not asked and time.monotonic() - sent > 1.0:
                    count()
                    sent = time.monotonic()
                continue
            if got.target_system != 255 or got.mission_type != kind:
                continue
            if got.get_type() == "MISSION_ACK":
                return got.type
            asked = True
            self.link.mav.send(items[got.seq])
        return None

    def download(self, kind, timeout_s=20):
        """Reads a list by the mission protocol, or None."""
        deadline = time.monotonic() + timeout_s
        count = None
        while count is None and time.monotonic() < deadline:
            self.link.mav.mission_request_list_send(1, 1, kind)
            got = self.receive(("MISSION_COUNT",), 1.0)
            if got is not None and got.mission_type == kind:
                count = got.count
        items = []
        while count is not None and len(items) < count and time.monotonic() < deadline:
            self.link.mav.mission_request_int_send(1, 1, len(items), kind)
            got = self.receive(("MISSION_ITEM_INT",), 1.0)
            if got is not None and got.mission_type == kind and got.seq == len(items):
                items.append(got)
        if count is None or len(items) < count:
            return None
        self.link.mav.mission_ack_send(1, 1, m.MAV_MISSION_ACCEPTED, kind)
        return items

    def clear_all(self):
        """Opens a new set."""
        self.link.mav.mission_clear_all_send(1, 1, ALL)
        got = self.receive(("MISSION_ACK",), 5.0)
        return None if got is None else got.type


def meaning(item):
    """What must come back as it was sent."""
    return (
        item.command,
        item.frame,
        item.x,
        item.y,
        *(round(v, 3) for v in (item.param1, item.param2, item.param3, item.param4, item.z)),
    )


def same(sent, got):
    return got is not None and [meaning(i) for i in sent] == [meaning(i) for i in got]


def item(kind, seq, command, frame, place, z, params=(0, 0, 0, 0), current=0):
    return m.MAVLink_mission_item_int_message(
        1, 1, seq, frame, command, current, 1, *params, place[0], place[1], z, kind
    )


def lists(home, ardupilot):
    """A fence like a U, a mission inside it, and one whose ends are deep inside but not the way between them."""
    lat, lon, alt = home

    def at(east_m, north_m):
        return (
            lat + round(north_m / 111_000 * 1e7),
            lon + round(east_m / (111_320 * math.cos(math.radians(lat / 1e7))) * 1e7),
        )

    ring = [(-300, -100), (300, -100), (300, 250), (150, 250), (150, 60), (-150, 60), (-150, 250), (-300, 250)]
    fence = [
        item(FENCE, n, m.MAV_CMD_NAV_FENCE_POLYGON_VERTEX_INCLUSION, 0, at(*p), 0, (len(ring), 0, 0, 0))
        for n, p in enumerate(ring)
    ]
    rally = [item(RALLY, n, m.MAV_CMD_NAV_RALLY_POINT, 3, at(*p), 30) for n, p in enumerate([(30, 0), (-40, -20)])]

    def mission(places):
        items = []

        def add(*a, **k):
            items.append(item(MISSION, len(items), *a, **k))

        if ardupilot:
            # Its item 0 is home, whatever is sent.
            add(m.MAV_CMD_NAV_WAYPOINT, 0, (lat, lon), alt, current=1)
        add(m.MAV_CMD_NAV_TAKEOFF, 3, (lat, lon), 30, current=0 if ardupilot else 1)
        for p in places:
            add(m.MAV_CMD_NAV_WAYPOINT, 3, at(*p), 30)
        add(m.MAV_CMD_NAV_RETURN_TO_LAUNCH, 2, (0, 0), 0)
        return items

    inside = mission([(250, 0), (270, 70), (250, 0), (-250, 0)])
    escaping = mission([(250, 0), (270, 70), (-270, 70), (-250, 0)])
    return {MISSION: inside, FENCE: fence, RALLY: rally}, escaping


def main():
    args = argparse.ArgumentParser()
    args.add_argument("--link", required=True)
    args.add_argument("--as", dest="kind", choices=["px4", "ardupilot"], required=True)
    args = args.parse_args()
    station = Station(args.link)

    def heard_home():
        station.receive(timeout_s=0.2)
        return station.heard is not None and station.home

    wait_for("the autopilot's heartbeat and home", heard_home, 60)
    wanted = m.MAV_AUTOPILOT_ARDUPILOTMEGA if args.kind == "ardupilot" else m.MAV_AUTOPILOT_PX4
    check("the autopilot is the one asked for", station.heard == wanted, station.heard)
    good, escaping = lists(station.home, args.kind == "ardupilot")

    def aboard():
        """Whether the companion says that the plan is aboard, and all three lists come back as sent."""
        deadline = time.monotonic() + 30
        while not any("on aircraft" in t for t in station.texts) and time.monotonic() < deadline:
            station.receive(timeout_s=0.1)
        return all(same(sent, station.download(kind)) for kind, sent in good.items())

    for order in itertools.permutations(KINDS):
        names = ", ".join(KINDS[k] for k in order)
        started = time.monotonic()
        station.texts.clear()
        cleared = station.clear_all()
        results = [station.upload(kind, good[kind]) for kind in order]
        wrote = cleared == 0 and results == [0, 0, 0] and aboard()
        detail = f"clear {cleared}, acknowledged {results}, {time.monotonic() - started:.1f} s"
        check(f"{names}: taken and downloaded equal", wrote, detail if wrote else f"{detail}, {station.texts}")

    station.texts.clear()
    result = station.upload(MISSION, escaping)
    check(
        "a leg that leaves the fence between two inside waypoints is refused",
        result == m.MAV_MISSION_INVALID_PARAM5_X,
        f"MISSION_ACK {result}",
    )
    for _ in range(5):
        station.receive(timeout_s=0.2)
    check("the reason is said", any(t.startswith("Refused: ") for t in station.texts), station.texts)
    for kind, name in KINDS.items():
        check(f"the old {name} is intact", same(good[kind], station.download(kind)))
    finish(12)


main()
