"""Steps of a walk: each measured, and reported to the host once it has succeeded."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

HOST = Path("/host")
"""The folder shared with the host."""


class StepFailed(Exception):
    """The store did not do what it should; the text says what was seen."""


@contextmanager
def step(name: str) -> Iterator[Callable[[str], None]]:
    """Measures one step and reports it once it has succeeded."""
    started = time.monotonic()
    details: list[str] = []
    try:
        yield details.append
    except Exception as failure:
        raise StepFailed(f"{name}: {failure}") from failure
    report(name, detail=" ".join(details), ok=True, seconds=round(time.monotonic() - started, 1))


def check(held: bool, otherwise: str) -> None:
    if not held:
        raise StepFailed(otherwise)


def until(condition: Callable[[], bool], seconds: float, otherwise: str) -> None:
    """Asks again until it holds; a step that never holds fails with what was hoped for."""
    deadline = time.monotonic() + seconds
    while not condition():
        check(time.monotonic() < deadline, f"{otherwise} after {seconds} s")
        time.sleep(0.1)


def report(name: str, *, detail: str = "", ok: bool = False, seconds: float = 0.0) -> None:
    with (HOST / "report.jsonl").open("a", encoding="utf-8") as lines:
        uptime = float(Path("/proc/uptime").read_text("utf-8").split()[0])
        line = {"step": name, "ok": ok, "seconds": seconds, "uptime_seconds": uptime, "detail": detail}
        lines.write(json.dumps(line) + "\n")
