"""Why a station is captive or not."""

import pytest

from netctl.api import DeviceKind, Why
from netctl.gate.why import sentence, why
from tests.unit.netctl.gate.test_sessions import UPTIME, session


def asked(
    *,
    kind: DeviceKind | None = None,
    live: bool = False,
    closed: bool = False,
    used_up: bool = False,
    last: str | None = None,
) -> Why:
    there = session() if live else None
    return why(kind, there, closed=closed, used_up=used_up, last_end=last)


def test_the_owners_word_comes_first_then_the_session_then_the_hours() -> None:
    assert asked(kind="blocked", live=True) == "blocked"
    assert asked(kind="allowed", closed=True) == "allowed"
    assert asked(live=True, closed=True, used_up=True) == "admitted"
    assert asked(closed=True, used_up=True, last="idle") == "closed"
    assert asked(used_up=True, last="signed_out") == "quota"


@pytest.mark.parametrize("last", ["expired", "idle", "signed_out", "expelled", "pass_over"])
def test_then_how_the_last_session_ended(last: str) -> None:
    assert asked(last=last) == last


@pytest.mark.parametrize("last", [None, "quota", "closed", "blocked"])
def test_what_no_longer_holds_is_no_reason(last: str | None) -> None:
    assert asked(last=last) == "new"


@pytest.mark.parametrize("key", Why.__args__)  # type: ignore[attr-defined]
def test_each_has_a_sentence_of_its_own(key: Why) -> None:
    said = sentence(key, session() if key == "admitted" else None, True, UPTIME)
    assert said.startswith("Admitted" if key in ("admitted", "allowed") else "Captive: ")
    others = [sentence(other, None, True, UPTIME) for other in ("new", "expired") if other != key]
    assert said not in others
