"""How a station stands with the gate, as the splash says it: a sentence, and the ways in. Pure."""

from dataclasses import dataclass
from typing import Final

from netctl.api import Method, Station
from sync.i18n import mark

_BRIEF: Final[Method] = "temporary_pass"

CLOSED: Final = mark("The WiFi is closed just now. It opens again: %(opens)s.")
BLOCKED: Final = mark(
    "This device cannot use our WiFi. Please ask our staff; the code below tells them which it is."
)
QUOTA: Final = mark("This device has used up its data for today.")
LINE_DOWN: Final = mark(
    "The shop's internet line is down just now. Register, and you are online as soon as it is back."
)
NOT_HEARD_OF: Final = mark(
    "Your few minutes are over, and we have not heard of your follow yet. If you have followed us, tap the"
    " link in our answer. Or try again, or register: that takes a moment."
)
_AFTER: Final = {
    "expired": mark("Your time is up. Going on takes a moment."),
    "idle": mark("You were away for a while, so we signed you out. Coming back takes a moment."),
    "expelled": mark("Our staff ended your access. Please ask them, or register again."),
    "pass_over": mark("Your few minutes are over. Register, and you are online for longer."),
    "closed": mark("We closed in between and are open again. Going on takes a moment."),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """`sentence` is marked for translation; empty: nothing to say. `opens`: when it holds that time.

    `registers`, `passes`, `codes`: whether the form, the temporary pass and the field for a code are offered.
    """

    online: bool = False
    on_pass: bool = False
    sentence: str = ""
    registers: bool = True
    passes: bool = False
    codes: bool = True
    over_quota: bool = False


def standing(station: Station | None, *, tried_to_follow: bool = False) -> Standing:
    """`None`: the gate is silent or knows nobody there; then nothing is claimed. `tried_to_follow`: she was
    given a code to follow us with."""
    if station is None:
        return Standing()
    if not station.captive:
        on_pass = is_on_pass(station)
        return Standing(online=True, on_pass=on_pass, registers=on_pass, codes=on_pass)
    if station.why == "blocked":
        return Standing(sentence=BLOCKED, registers=False, codes=False)
    if station.why == "closed" and station.opens_at is not None:
        # Who works here comes before the doors open.
        return Standing(sentence=CLOSED, registers=False)
    if station.why == "quota":
        return Standing(sentence=QUOTA, registers=False, codes=False, over_quota=True)
    if not station.uplink:
        return Standing(sentence=LINE_DOWN)
    sentence = NOT_HEARD_OF if tried_to_follow and station.why == "pass_over" else _AFTER.get(station.why, "")
    return Standing(sentence=sentence, passes=station.passes_left > 0)


def is_on_pass(station: Station) -> bool:
    """Whether it is online, for a few slow minutes only."""
    return not station.captive and station.session is not None and station.session.method == _BRIEF
