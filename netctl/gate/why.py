"""Why a station is captive or not: a key for pages, a sentence for whoever looks after the box. Pure."""

from typing import Final

from netctl.api import DeviceKind, Why
from netctl.gate.sessions import LiveSession

_SENTENCES: Final[dict[str, str]] = {
    "new": "Captive: nobody has registered on it.",
    "expired": "Captive: its time is over.",
    "quota": "Captive: it has used its volume of today.",
    "idle": "Captive: it was silent for so long that its session ended.",
    "closed": "Captive: the store is closed.",
    "blocked": "Captive: the owner blocked it.",
    "signed_out": "Captive: it signed out.",
    "expelled": "Captive: it was expelled.",
    "pass_over": "Captive: its temporary pass is over.",
    "allowed": "Admitted: the owner allowed it.",
}
# These hold as long as they hold, whatever the last session ended of.
_NO_LONGER: Final = frozenset({"quota", "closed", "blocked"})


def why(
    kind: DeviceKind | None,
    session: LiveSession | None,
    *,
    closed: bool,
    used_up: bool,
    last_end: str | None,
) -> Why:
    """`session`: the one that admits it now. `last_end`: `Ledger.last_end`."""
    if kind is not None:
        return kind
    if session is not None:
        return "admitted"
    if closed:
        return "closed"
    if used_up:
        return "quota"
    if last_end is None or last_end in _NO_LONGER:
        return "new"
    found: Why = last_end  # type: ignore[assignment]
    return found


def sentence(key: Why, session: LiveSession | None, has_address: bool, boottime: float) -> str:
    """The same for a person."""
    if session is not None and key == "admitted":
        minutes = session.seconds_left(boottime) // 60
        return f"Admitted ({session.method}) for {minutes} more minutes."
    if not has_address and key != "blocked":
        return "Captive: it holds no address of ours; it must join the WiFi again."
    return _SENTENCES.get(key, _SENTENCES["new"])
