"""What every peer script shares: one JSON object a check on standard output, and an exit code.

A check that raises, or that was never made, fails: `finish` is given the number of checks that must have been made.
"""

import json
import sys
import time

_results = []


def check(name, passed, detail=""):
    """Prints one result and remembers it. Returns whether it passed."""
    passed = bool(passed)
    _results.append(passed)
    print(json.dumps({"name": name, "pass": passed, "detail": str(detail)}), flush=True)
    return passed


def finish(expected):
    """Exits with 0 when `expected` checks were made and all passed."""
    if len(_results) != expected:
        check("all checks were made", False, f"{len(_results)} of {expected}")
    sys.exit(0 if all(_results) else 1)


def wait_for(what, condition, timeout_s, every_s=0.05):
    """Waits until `condition()` is true and returns its value; raises when it takes longer than `timeout_s`."""
    deadline = time.monotonic() + timeout_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not within {timeout_s:.0f} s")
        time.sleep(every_s)
