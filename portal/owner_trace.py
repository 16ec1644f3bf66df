"""What a station did on its way in, for the owner: a sentence on how it stands, and its steps. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from netctl.api import StationSeen, Step
from portal.owner_state import Tone
from portal.owner_words import Words
from sync.i18n import mark

STEPS: Final = {
    "joined": mark("Joined the WiFi"),
    "lease": mark("Got an address"),
    "check": mark("Asked whether it is online, and was led to our page"),
    "portal": mark("Opened our page"),
    "form": mark("Sent a form"),
    "admitted": mark("Let in"),
    "refused": mark("Not let in"),
    "ended": mark("Access ended"),
    "cloned": mark("Seen as two devices at once"),
}
# Details the gate and the portal have a key for; any other is shown as it is: an address, who asked.
DETAILS: Final = {
    "form page": mark("the form"),
    "code page": mark("the field for a code"),
    "roaming page": mark("the field for another store's code"),
    "follow page": mark("the page to follow us"),
    "follow link": mark("with the link after a follow"),
    "form": mark("registered"),
    "code": mark("with a code"),
    "store code": mark("with another store's code"),
    "sent": mark("complete"),
    "mistakes": mark("with mistakes in it"),
    "voucher": mark("with a voucher"),
    "staff_code": mark("with the staff code"),
    "roaming": mark("from another of our stores"),
    "follow": mark("for a follow"),
    "temporary_pass": mark("for a few slow minutes"),
    "allowed": mark("always let in"),
    "expired": mark("its time was up"),
    "quota": mark("its data of the day were used up"),
    "idle": mark("it was silent for long"),
    "closed": mark("the store was closed"),
    "blocked": mark("blocked by you"),
    "signed_out": mark("signed out"),
    "expelled": mark("disconnected by you"),
    "lost_at_reboot": mark("the box was off"),
    "keeps associating anew": mark("it keeps joining anew"),
    "jumps between ports": mark("it is in two places"),
}

CLONED: Final = mark("Two devices use the same hardware address: when one is let in, both are.")
ALLOWED: Final = mark("Always let in.")
BRIEFLY: Final = mark("Online for a few slow minutes.")
ONLINE: Final = mark("Online for another %(left)s.")
_ONLINE_NO_MORE: Final = {
    "blocked": mark("Blocked by you."),
    "closed": mark("Waits for the store to open."),
    "quota": mark("Has used up its data for today."),
    "expired": mark("Its time was up; it has not signed in again."),
    "idle": mark("Was silent for long and got signed out; it has not signed in again."),
    "signed_out": mark("Signed out."),
    "expelled": mark("You disconnected it; it has not signed in again."),
    "pass_over": mark("Had its few minutes; it has not registered."),
}
_SO_FAR: Final = {
    "refused": mark("Sent a form, but the gate did not let it in. The last step below says why."),
    "form": mark("Filled in a form, but is not in yet. Are there mistakes in it?"),
    "portal": mark("Opened our page; the form has not been sent."),
    "check": mark(
        "Asked whether it is online and was led to our page, but nobody opened it: the phone only shows a"
        " notification, or its window was closed. Any page that begins with http:// brings it up."
    ),
    "lease": mark(
        "Has an address but asks for nothing: private DNS or a VPN is on, or the phone believes it knows this"
        " WiFi. Leaving the WiFi and joining it again helps."
    ),
}
_NOTHING: Final = mark(
    "Has no address of ours: it was given a fixed one, or did not get through. Leaving the WiFi and joining"
    " it again helps."
)
_IN_ORDER: Final = ("refused", "form", "portal", "check", "lease")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One step: when, what (marked), and more on it: `told` is marked, `shown` is shown as it is."""

    at: str
    what: str
    told: str = ""
    shown: str = ""
    count: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class StationLine:
    """One station as its owner reads of it. `online`: it has a session that can be ended."""

    code: str
    tone: Tone
    sentence: str
    values: Mapping[str, Any] = field(default_factory=dict)
    rows: Sequence[Row] = ()
    online: bool = False
    captive: bool = True
    blocked: bool = False


def station_line(station: StationSeen, words: Words) -> StationLine:
    tone, sentence, values = _how_it_stands(station, words)
    return StationLine(
        code=station.station_code,
        tone=tone,
        sentence=sentence,
        values=values,
        rows=[row(step, words) for step in station.steps],
        online=station.session is not None,
        captive=station.captive,
        blocked=station.why == "blocked",
    )


def _how_it_stands(station: StationSeen, words: Words) -> tuple[Tone, str, dict[str, Any]]:
    seen = {step.step for step in station.steps}
    if "cloned" in seen:
        return "warning", CLONED, {}
    if station.session is not None:
        if station.session.method == "temporary_pass":
            return "busy", BRIEFLY, {}
        return "good", ONLINE, {"left": words.minutes(station.session.seconds_left / 60)}
    if not station.captive:
        return "good", ALLOWED, {}
    if station.why in _ONLINE_NO_MORE:
        return "quiet", _ONLINE_NO_MORE[station.why], {}
    furthest = next((step for step in _IN_ORDER if step in seen), None)
    return "warning", _SO_FAR[furthest] if furthest else _NOTHING, {}


def row(step: Step, words: Words) -> Row:
    """`13:05`, or `13:05 – 13:20` when it happened again."""
    at = words.moment(step.at)
    if step.last_at is not None and words.clock(step.last_at) != words.clock(step.at):
        at = f"{at} – {words.moment(step.last_at)}"
    told = DETAILS.get(step.detail, "")
    return Row(
        at=at,
        what=STEPS.get(step.step, step.step),
        told=told,
        shown="" if told else step.detail,
        count=step.count,
    )


def by_need(lines: Sequence[StationLine]) -> list[StationLine]:
    """Those that do not get in first: they are what the owner came for."""
    order: list[Tone] = ["wrong", "warning", "busy", "good", "quiet"]
    return sorted(lines, key=lambda line: (order.index(line.tone), line.code))
