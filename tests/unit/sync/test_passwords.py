"""Passwords of owners and staff."""

import pytest

from sync.passwords import LONGEST, NOBODYS, Passwords, hash_password


async def test_a_password_is_kept_as_argon2id_at_19_mebibytes() -> None:
    assert (await Passwords().hash("correct horse battery")).startswith("$argon2id$v=19$m=19456,t=2,p=1$")


async def test_only_the_password_itself_matches() -> None:
    passwords = Passwords()
    password_hash = await passwords.hash("correct horse battery")
    assert await passwords.match(password_hash, "correct horse battery")
    assert not await passwords.match(password_hash, "correct horse batterz")


async def test_a_hash_that_cannot_be_read_lets_nobody_in() -> None:
    assert not await Passwords().match("not a hash", "correct horse battery")


async def test_what_is_too_long_lets_nobody_in() -> None:
    password = "密" * (LONGEST + 1)
    assert not await Passwords().match(hash_password(password), password)


@pytest.mark.parametrize("password", ["", "nobody has this one"])
async def test_no_password_opens_a_name_that_nobody_has(password: str) -> None:
    assert not await Passwords().match(None, password)


def test_a_name_that_nobody_has_costs_as_much_as_one_that_somebody_has() -> None:
    *somebodys, _, _ = hash_password("correct horse battery").split("$")
    *nobodys, _, _ = NOBODYS.split("$")
    assert nobodys == somebodys
