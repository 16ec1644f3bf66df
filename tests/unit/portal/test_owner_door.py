"""Tries and sessions, without any page."""

from portal.owner_door import MOST_SIGNED_IN, Door
from sync.passwords import Passwords
from tests.clock import FakeClock


def test_many_sources_together_are_limited_too() -> None:
    """On the owner's network one machine can have many addresses."""
    clock = FakeClock()
    door = Door(Passwords(), clock.boottime)
    waits = [door.take_try(f"fd00::{number:x}") for number in range(40)]
    assert waits.count(0.0) == 30
    clock.advance(2)
    assert door.take_try("fd00::ffff") == 0.0


def test_the_oldest_session_makes_room() -> None:
    door = Door(Passwords(), FakeClock().boottime)
    tokens = [door.open("hash") for _ in range(MOST_SIGNED_IN + 1)]
    assert door.find(tokens[0], "hash") is None
    assert door.find(tokens[1], "hash") is not None
    assert door.find(tokens[-1], "hash") is not None


def test_the_cookie_s_value_is_not_kept() -> None:
    door = Door(Passwords(), FakeClock().boottime)
    token = door.open("hash")
    assert token not in repr(vars(door))
    assert door.find(token, "hash") is not None


def test_two_browsers_have_different_forms() -> None:
    door = Door(Passwords(), FakeClock().boottime)
    one, other = (door.find(door.open("hash"), "hash") for _ in range(2))
    assert one is not None
    assert other is not None
    assert one.form_token != other.form_token


def test_a_session_ends_with_the_password_it_was_opened_with() -> None:
    door = Door(Passwords(), FakeClock().boottime)
    token = door.open("hash")
    assert door.find(token, None) is None
    assert door.find(token, "hash") is None
