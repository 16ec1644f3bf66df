"""What a station did on its way through the gate: why did the portal not pop up? Pure.

Bounded: a phone that asks every few seconds for days is one step with a count.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from netctl.api import Mac, Step, StepKind
from netctl.wire import decode, encode

MOST_STEPS: Final = 16
LONGEST_DETAIL: Final = 40
MOST_TIMES: Final = 1_000_000_000
# How it came here explains the most: these stay when later ones must go.
_FIRST: Final = 3
# Something seen again among the last few is the same step once more.
_RECENT: Final = 5

Trace = tuple[Step, ...]
Note = Callable[[Mac, StepKind, str], object]
"""Who is told what becomes of a station, and the detail of it."""


def noted(trace: Trace, kind: StepKind, at: datetime, detail: str = "", count: int = 1) -> Trace:
    """The trace with one more thing in it."""
    detail = "".join(filter(str.isprintable, detail))[:LONGEST_DETAIL]
    count = max(1, count)
    for back in range(1, min(_RECENT, len(trace)) + 1):
        known = trace[-back]
        if (known.step, known.detail) == (kind, detail):
            again = replace(known, count=min(known.count + count, MOST_TIMES), last_at=at)
            return (*trace[:-back], again, *trace[len(trace) - back + 1 :])
    longer = (*trace, Step(step=kind, at=at, detail=detail, count=min(count, MOST_TIMES)))
    return longer if len(longer) <= MOST_STEPS else (*longer[:_FIRST], *longer[_FIRST + 1 :])


def to_text(trace: Trace) -> str:
    """As it lies in gate.db."""
    return json.dumps([encode(step) for step in trace], separators=(",", ":"), ensure_ascii=False)


def from_text(text: str) -> Trace:
    return tuple(decode(Step, step, strict=False) for step in json.loads(text))


def sentence(trace: Sequence[Step], captive: bool, present: bool) -> str:
    """The likely reason why the portal did not pop up; empty where nothing is missing."""
    seen = {step.step for step in trace}
    if "cloned" in seen:
        return "Another device uses the same hardware address: whoever is admitted, both are."
    if not captive or "admitted" in seen:
        return ""
    if not present:
        return "It is not here: it is switched off, out of reach, or on another WiFi."
    if "lease" not in seen:
        return "It holds no address of ours: it has a fixed one, or DHCP did not get through. Join again."
    if "portal" in seen:
        return "The portal was opened; the form was not sent." if "form" not in seen else ""
    if "check" in seen:
        return (
            "It asked whether it is online and was led to the portal, but did not open it: the window was"
            " closed, or the phone shows a notification instead. Any http:// page opens the portal."
        )
    return (
        "No connectivity check came: private DNS or a VPN is on, or the phone believes it knows this WiFi."
        " Any http:// page opens the portal; leaving the WiFi and joining it again may, too."
    )
