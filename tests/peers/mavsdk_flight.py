"""MAVSDK as a ground station: takes off, flies a mission, returns, lands.

    mavsdk_flight.py --link udpin://127.0.0.1:14540 --as px4|ardupilot [--speed N] [--gated]

`--speed` is the simulator's pace: deadlines shrink with it. `--gated`: the companion is in between, so that fence and
mission go up first, and the flight is the mission's own from take-off to landing.
"""

import argparse
import math
import sys
import time

from mavsdk import ComponentType, Configuration, ConnectionResult, Mavsdk
from mavsdk.plugins.action import Action
from mavsdk.plugins.mission_raw import MissionItem, MissionRaw
from mavsdk.plugins.telemetry import Telemetry

from report import check, finish, wait_for

WAYPOINT, RETURN, TAKEOFF, FENCE = 16, 20, 22, 5001
HEIGHT_M = 20


def item(seq, command, frame, x, y, z, current=0, kind=0, p1=0.0):
    return MissionItem(seq, frame, command, current, 1, p1, 0.0, 0.0, 0.0, x, y, z, kind)


def place(home, east_m, north_m):
    lat = home.latitude_deg + north_m / 111_000
    lon = home.longitude_deg + east_m / (111_320 * math.cos(math.radians(home.latitude_deg)))
    return round(lat * 1e7), round(lon * 1e7)


def mission(home, ardupilot, whole):
    """Four corners; `whole`: with take-off and return."""
    items = []

    def add(command, frame, at, z, **more):
        # MAVSDK wants exactly one current item.
        items.append(item(len(items), command, frame, *at, z, current=int(not items), **more))

    here = place(home, 0, 0)
    if ardupilot:
        # Its item 0 is home, whatever is sent.
        add(WAYPOINT, 0, here, home.absolute_altitude_m)
    if whole or ardupilot:
        add(TAKEOFF, 6, here, HEIGHT_M)
    for corner in [(20, 0), (20, 30), (0, 30), (0, 5)]:
        add(WAYPOINT, 6, place(home, *corner), HEIGHT_M)
    if whole:
        add(RETURN, 2, (0, 0), 0.0)
    return items


def fence(home):
    ring = [(-80, -80), (80, -80), (80, 80), (-80, 80)]
    return [
        item(n, FENCE, 5, *place(home, *p), 0.0, kind=1, p1=float(len(ring)), current=int(n == 0))
        for n, p in enumerate(ring)
    ]


def granted(ask):
    try:
        ask(5.0)
        return True
    except Exception:  # noqa: BLE001: asked again until the aircraft answers
        return False


def main():
    args = argparse.ArgumentParser()
    args.add_argument("--link", required=True)
    args.add_argument("--as", dest="kind", choices=["px4", "ardupilot"], required=True)
    args.add_argument("--speed", type=float, default=1.0)
    args.add_argument("--gated", action="store_true")
    args = args.parse_args()
    ardupilot = args.kind == "ardupilot"
    # Simulated seconds as real ones, with room for a slow machine.
    limit = lambda simulated_s: 10 + simulated_s / args.speed

    sdk = Mavsdk(Configuration.create_with_component_type(ComponentType.GROUND_STATION))
    result = sdk.add_any_connection(args.link)
    if not check("connection", result == ConnectionResult.SUCCESS, result.name):
        finish(1)
    system = sdk.first_autopilot(30.0)
    if not check("autopilot found", system is not None):
        finish(2)
    action, telemetry, raw = Action(system), Telemetry(system), MissionRaw(system)
    if ardupilot:
        # ArduPilot streams nothing that nobody asked for.
        for ask in (telemetry.set_rate_position, telemetry.set_rate_in_air, telemetry.set_rate_home):
            wait_for("streams", lambda: granted(ask), 10, 0.5)
    home = wait_for(
        "home", lambda: (h := telemetry.home()) and not math.isnan(h.latitude_deg) and h.latitude_deg != 0 and h, limit(60)
    )
    height = lambda: telemetry.position().relative_altitude_m
    started = time.monotonic()
    flown = lambda: f"{height():.1f} m, {time.monotonic() - started:.0f} s"

    def attempt(what, call, timeout_s):
        """Until the aircraft agrees: it may still be preparing itself."""
        last = [None]

        def once():
            try:
                call()
                return True
            except Exception as error:  # noqa: BLE001: every refusal of MAVSDK's is told in the check
                last[0] = error
                return False

        try:
            return check(what, wait_for(what, once, timeout_s, 0.5), flown())
        except TimeoutError:
            return check(what, False, last[0])

    items = mission(home, ardupilot, args.gated)
    if args.gated:
        attempt("fence uploaded", lambda: raw.upload_geofence(fence(home)), 10)
        attempt("mission uploaded", lambda: raw.upload_mission(items), 20)
        attempt("armed", action.arm, limit(90))
        if ardupilot:
            attempt("take-off commanded", action.takeoff, limit(10))
    else:
        attempt("armed", action.arm, limit(60))
        attempt("take-off commanded", action.takeoff, limit(10))
        check("took off", wait_for("height", lambda: height() > 1.5, limit(30)), flown())
        attempt("mission uploaded", lambda: raw.upload_mission(items), 20)
        back = raw.download_mission()
        check("mission downloaded", len(back) == len(items), f"{len(back)} of {len(items)} items")
    attempt("mission started", raw.start_mission, limit(10))
    far = [0.0]

    def mission_over():
        p = telemetry.position()
        far[0] = max(far[0], abs(p.latitude_deg - home.latitude_deg) * 111_000)
        progress = raw.mission_progress()
        # Where the mission ends in a return, it is over when the return has begun.
        return progress.total > 0 and progress.current >= progress.total - int(args.gated)

    try:
        wait_for("the mission's end", mission_over, limit(150))
        check("mission flown", far[0] > 25, f"{far[0]:.0f} m north, {flown()}")
    except TimeoutError as late:
        check("mission flown", False, f"{late}, {raw.mission_progress().current} of {raw.mission_progress().total}")
    if not args.gated:
        attempt("return commanded", action.return_to_launch, limit(10))
    try:
        wait_for("landing", lambda: not telemetry.in_air() and not telemetry.armed(), limit(120))
        p = telemetry.position()
        off_m = math.hypot(
            (p.latitude_deg - home.latitude_deg) * 111_000, (p.longitude_deg - home.longitude_deg) * 98_000
        )
        check("returned and landed at home, motors off", off_m < 3 and abs(height()) < 1.5, f"{off_m:.1f} m off, {flown()}")
    except TimeoutError as late:
        check("returned and landed at home, motors off", False, f"{late}: {flown()}")
    sdk.destroy()
    finish((8 + int(ardupilot)) if args.gated else 11)


try:
    main()
except Exception as error:  # noqa: BLE001: the test reads checks, not traces
    check("no error", False, repr(error))
    sys.exit(1)
