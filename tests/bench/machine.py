"""What else the machine does while it is measured: others' work makes every figure worse."""

import os
import time
from collections.abc import Mapping
from pathlib import Path

_LOOK_SECONDS = 1.0
_BUSY_CORES = 0.15


def busy_cores(before: str, after: str) -> float:
    """How many cores were at work between two readings of /proc/stat (proc(5)); stolen ones count."""
    (busy, total, count), (busy_then, total_then, _) = _reading(after), _reading(before)
    elapsed = (total - total_then) / count
    return round((busy - busy_then) / elapsed, 2) if elapsed else 0.0


def _reading(text: str) -> tuple[int, int, int]:
    lines = text.splitlines()
    # user nice system idle iowait irq softirq steal; guest time is in user already.
    user, nice, system, idle, waiting, *rest = map(int, lines[0].split()[1:9])
    busy = user + nice + system + sum(rest)
    return busy, busy + idle + waiting, sum(line.startswith("cpu") for line in lines) - 1


def others_work() -> float:
    """Cores at work right now, while we do nothing."""
    before = Path("/proc/stat").read_text()
    time.sleep(_LOOK_SECONDS)
    return busy_cores(before, Path("/proc/stat").read_text())


def described(before: float, after: float) -> Mapping[str, object]:
    """For the JSON: the machine, what others did on it before and after, and a warning when that matters."""
    said: dict[str, object] = {
        "cores": len(os.sched_getaffinity(0)),
        "kernel": os.uname().release,
        "loadavg": os.getloadavg()[0],
        "busy_cores_before": before,
        "busy_cores_after": after,
    }
    if max(before, after) > _BUSY_CORES:
        said["warning"] = "the machine had other work: these figures are rough"
    return said
