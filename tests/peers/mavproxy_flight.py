"""MAVProxy as a ground station, as its own program: uploads fence and mission, downloads them, flies.

    mavproxy_flight.py --link udpout:127.0.0.1:14550 --as px4|ardupilot [--dropped]

Commands are typed into it; what it prints and what it passes on (`--out`) is what is checked. `--dropped`: the line is
signed and MAVProxy is not, so that nothing of it may be believed.
"""

import argparse
import math
import os
import queue
import socket
import subprocess
import sys
import tempfile
import threading
import time

from pymavlink import mavutil

from report import check, finish, wait_for

WAYPOINT, RETURN, TAKEOFF, FENCE = 16, 20, 22, 5001
HEIGHT_M = 20
CORNERS = [(20, 0), (20, 30), (0, 30), (0, 5)]
RING = [(-80, -80), (80, -80), (80, 80), (-80, 80)]


class MavProxy:
    """The program, its terminal, and what it passes on."""

    def __init__(self, link, folder):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.out = mavutil.mavlink_connection(f"udpin:127.0.0.1:{port}", dialect="common")
        program = os.path.join(os.path.dirname(sys.executable), "mavproxy.py")
        self.process = subprocess.Popen(
            [
                sys.executable,
                program,
                f"--master={link}",
                f"--out=udp:127.0.0.1:{port}",
                f"--state-basedir={folder}",
                "--default-modules=wp,fence,mode,arm,cmdlong",
            ],
            cwd=folder,
            env={**os.environ, "HOME": folder, "TERM": "dumb"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            bufsize=1,
        )
        self.lines = queue.Queue()
        self.said = []
        threading.Thread(target=self._read, daemon=True).start()
        self.last = {}

    def _read(self):
        for line in self.process.stdout:
            self.lines.put(line.rstrip())

    def type(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def look(self):
        """Takes in what it printed and passed on."""
        while not self.lines.empty():
            self.said.append(self.lines.get())
        while (m := self.out.recv_msg()) is not None:
            if m.get_srcComponent() == 1 or m.get_type() != "HEARTBEAT":
                self.last[m.get_type()] = m

    def says(self, words, timeout_s, since=0):
        def once():
            self.look()
            return next((s for s in self.said[since:] if words in s), None)

        try:
            return wait_for(words, once, timeout_s)
        except TimeoutError:
            return None

    def end(self):
        # It waits for its terminal otherwise.
        self.process.kill()
        self.process.wait(10)


def place(home, east_m, north_m):
    lat = home.lat / 1e7 + north_m / 111_000
    lon = home.lon / 1e7 + east_m / (111_320 * math.cos(math.radians(home.lat / 1e7)))
    return lat, lon


def write(path, items):
    with open(path, "w", encoding="ascii") as file:
        file.write("QGC WPL 110\n")
        for n, (frame, command, p1, (lat, lon), z) in enumerate(items):
            file.write(f"{n}\t{int(n == 0)}\t{frame}\t{command}\t{p1}\t0\t0\t0\t{lat:.8f}\t{lon:.8f}\t{z}\t1\n")


def read(path):
    with open(path, encoding="ascii") as file:
        return [line.split("\t") for line in file.read().splitlines()[1:]]


def main():
    args = argparse.ArgumentParser()
    args.add_argument("--link", required=True)
    args.add_argument("--as", dest="kind", choices=["px4", "ardupilot"], required=True)
    args.add_argument("--dropped", action="store_true")
    args = args.parse_args()
    ardupilot = args.kind == "ardupilot"
    folder = tempfile.mkdtemp(prefix="mavproxy-")
    mav = MavProxy(args.link, folder)
    try:
        fly(mav, folder, ardupilot, args.dropped)
    finally:
        mav.end()


def fly(mav, folder, ardupilot, dropped):
    def seen(kind):
        mav.look()
        return mav.last.get(kind)

    check("aircraft found", mav.says("online system 1", 20))
    home = wait_for(
        "position", lambda: (p := seen("GLOBAL_POSITION_INT")) and p.lat != 0 and p, 60
    )
    here = place(home, 0, 0)
    # Item 0 is home: ArduPilot's own; MAVProxy sends it to either.
    mission = [(0, WAYPOINT, 0, here, home.alt / 1000)] if ardupilot else []
    mission += [(3, TAKEOFF, 0, here, HEIGHT_M)]
    mission += [(3, WAYPOINT, 0, place(home, *c), HEIGHT_M) for c in CORNERS]
    mission += [(2, RETURN, 0, (0.0, 0.0), 0)]
    ring = [(0, FENCE, len(RING), place(home, *p), 0) for p in RING]
    files = {n: os.path.join(folder, f"{n}.txt") for n in ("mission", "fence", "mission-back", "fence-back")}
    write(files["mission"], mission)
    write(files["fence"], ring)

    def upload(what, list_name, count):
        mark = len(mav.said)
        mav.type(f"{what} load {files[list_name]}")
        loaded = mav.says(f"Loaded {count} ", 10, mark)
        sent = mav.says(f"Sent all {count} ", 20, mark)
        return loaded, sent

    if dropped:
        _, sent = upload("wp", "mission", len(mission))
        check("an unsigned mission is not taken", sent is None)
        mav.type("arm throttle force")
        time.sleep(5)
        check("unsigned commands do not arm", not seen("HEARTBEAT").base_mode & 128)
        check("MAVProxy still listens", time.time() - seen("GLOBAL_POSITION_INT")._timestamp < 3)
        finish(4)

    check("fence uploaded", all(upload("fence", "fence", len(ring))), mav.said[-3:])
    check("mission uploaded", all(upload("wp", "mission", len(mission))), mav.said[-3:])
    for what, name, sent in (("wp", "mission", mission), ("fence", "fence", ring)):
        mark = len(mav.said)
        mav.type(f"{what} save {files[name + '-back']}")
        mav.says(f"Saved {len(sent)} ", 20, mark)
        try:
            back = read(files[name + "-back"])
        except OSError:
            back = []
        # It writes six decimals; ArduPilot's item 0 is its own home, whatever was sent.
        own_home = int(ardupilot and what == "wp")
        same = len(back) == len(sent) and all(
            int(b[3]) == s[1] and abs(float(b[8]) - s[3][0]) < 2e-6 and abs(float(b[9]) - s[3][1]) < 2e-6
            for b, s in list(zip(back, sent))[own_home:]
        )
        check(f"{name} downloaded as it was sent", same, f"{len(back)} of {len(sent)} items")

    armed = lambda: (h := seen("HEARTBEAT")) and h.base_mode & 128
    height = lambda: seen("GLOBAL_POSITION_INT").relative_alt / 1000
    north = lambda: (seen("GLOBAL_POSITION_INT").lat - home.lat) / 1e7 * 111_000
    east = lambda: (seen("GLOBAL_POSITION_INT").lon - home.lon) / 1e7 * 98_000

    def until(what, command, condition, timeout_s):
        """Typed again every few seconds until it shows: the aircraft may still be preparing itself."""
        said = [0.0]

        def once():
            if command and time.monotonic() - said[0] > 4:
                said[0] = time.monotonic()
                mav.type(command)
            return condition()

        try:
            return check(what, wait_for(what, once, timeout_s), f"{height():.1f} m, {mav.said[-1:]}")
        except TimeoutError as late:
            return check(what, False, f"{late}; {mav.said[-6:]}")

    if ardupilot:
        until("guided", "mode GUIDED", lambda: seen("HEARTBEAT").custom_mode == 4, 20)
        until("armed", "arm throttle", armed, 90)
        until("took off", f"takeoff {HEIGHT_M}", lambda: height() > 2, 30)
        until("mission started", "mode AUTO", lambda: seen("HEARTBEAT").custom_mode == 3, 20)
    else:
        until("armed", "arm throttle", armed, 90)
        until("mission started", "long MISSION_START 0 0 0 0 0 0 0", lambda: seen("HEARTBEAT").custom_mode >> 24 == 4 and height() > 2, 40)
    until("mission flown", None, lambda: north() > 25 and height() > HEIGHT_M - 3, 120)
    until("landed, motors off", None, lambda: not armed(), 180)
    off_m = math.hypot(north(), east())
    check("landed at home", off_m < 3, f"{off_m:.1f} m off")
    finish(10 + 2 * int(ardupilot))


try:
    main()
except Exception as error:  # noqa: BLE001: the test reads checks, not traces
    check("no error", False, repr(error))
    sys.exit(1)
