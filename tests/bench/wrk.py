"""wrk (github.com/wg/wrk), the load generator, and what it says."""

import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

# What an iPhone's check looks like; `Connection: close` makes each request a connection of its own.
_HEADERS = ("User-Agent: CaptiveNetworkSupport-390 wispr", "Connection: close")
_HERE = Path(__file__).parent
_UNITS_MS = {"us": 0.001, "ms": 1.0, "s": 1000.0, "m": 60_000.0}


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """Requests a second, the 99th percentile in milliseconds, and what went wrong."""

    per_second: float
    p99_ms: float
    failed: int
    requests: int
    read_bytes: int


def load(url: str, *, connections: int, seconds: int, wrk: Sequence[str] = ("wrk",)) -> Load:
    """Loads `url` for a bounded time; `wrk` is the command line that starts it. Raises RuntimeError when it
    said nothing of use.
    """
    command = [*wrk, "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "30s", "--latency"]
    return parse(_run([*command, "-s", str(_HERE / "totals.lua")], url, seconds))


def parse(said: str) -> Load:
    """What wrk says, with the exact totals of totals.lua. Raises RuntimeError."""
    rate = re.search(r"Requests/sec:\s+([\d.]+)", said)
    p99 = re.search(r"99%\s+([\d.]+)(us|ms|s|m)\b", said)
    totals = re.search(r"Exactly: (\d+) requests, (\d+) bytes", said)
    if not rate or not p99 or not totals:
        raise RuntimeError(f"wrk said nothing of use:\n{said}")
    return Load(
        per_second=float(rate[1]),
        p99_ms=float(p99[1]) * _UNITS_MS[p99[2]],
        failed=_failed(said),
        requests=int(totals[1]),
        read_bytes=int(totals[2]),
    )


def look_at_replies(url: str, location: str, *, connections: int, seconds: int, body_bytes: int) -> int:
    """Loads `url` and looks at every reply, which slows the load down. Returns how many were as they should
    be: a redirect to `location` with a body at least so long. Raises RuntimeError when one was not.
    """
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "30s"]
    said = _run([*command, "-s", str(_HERE / "replies.lua")], url, seconds, location, str(body_bytes))
    counted = re.search(r"Replies seen: (\d+), wrong: (\d+)", said)
    if not counted or int(counted[2]) or not int(counted[1]) or _failed(said):
        raise RuntimeError(f"not every reply was the redirect:\n{said}")
    return int(counted[1])


def _run(command: list[str], url: str, seconds: int, *arguments: str) -> str:
    for header in _HEADERS:
        command += ["-H", header]
    return subprocess.run(
        [*command, url, "--", *arguments], capture_output=True, text=True, check=True, timeout=seconds + 60
    ).stdout


def _failed(said: str) -> int:
    wrong_status = re.search(r"Non-2xx or 3xx responses: (\d+)", said)
    errors = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", said)
    return int(wrong_status[1] if wrong_status else 0) + sum(map(int, errors.groups() if errors else ()))
