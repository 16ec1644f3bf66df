"""What a process holds and has used so far, from /proc (proc(5))."""

import os
from pathlib import Path

_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid: int) -> float:
    """Of all its threads, in user mode and in the kernel."""
    # The name, in parentheses, may hold anything.
    words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / _TICKS_PER_SECOND


def pss_megabytes(pid: int) -> float:
    """Memory (PSS of smaps_rollup): pages shared by several processes count in parts, so they add up."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    kilobytes = next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return round(kilobytes * 1024 / 1e6, 1)


def open_files(pid: int) -> int:
    """Its file descriptors."""
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def threads(pid: int) -> int:
    """Its threads."""
    return len(list(Path(f"/proc/{pid}/task").iterdir()))
