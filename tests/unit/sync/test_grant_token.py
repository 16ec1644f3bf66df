"""The signed link: what it says, and what is not believed."""

import base64
import hashlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.grant_token import CHANNELS, CHARACTERS, PLATFORMS, BadToken, GrantToken, read, sign

KEY = b"\x01" * 32
TOKEN = GrantToken(
    channel=1,
    expires_at=datetime.fromtimestamp(1795320000, UTC),
    venue_number=123,
    grant_id="0011223344556677",
    subject_hash=hashlib.sha256(b"wx:oU").hexdigest()[:16],
)
TEXT = "AQFrAmjAAAAAewARIjNEVWZ3yNEeQrAW4YLbe-BJWQtgDmQ1QezEDTd7"
IN_TIME = TOKEN.expires_at - timedelta(seconds=1)


def test_the_vector_is_signed_and_read_as_it_was_worked_out() -> None:
    assert sign(TOKEN, KEY) == TEXT
    assert len(TEXT) == CHARACTERS
    assert read(TEXT, KEY, 123, IN_TIME) == TOKEN


def test_at_its_end_it_is_over() -> None:
    with pytest.raises(BadToken, match="expired"):
        read(TEXT, KEY, 123, TOKEN.expires_at)


def test_without_a_clock_to_trust_the_end_is_not_judged() -> None:
    assert read(TEXT, KEY, 123, None) == TOKEN


def test_with_an_older_moment_that_surely_passed_only_what_ended_before_that_is_over() -> None:
    assert read(TEXT, KEY, 123, TOKEN.expires_at - timedelta(days=9)) == TOKEN
    with pytest.raises(BadToken, match="expired"):
        read(TEXT, KEY, 123, TOKEN.expires_at + timedelta(days=9))


def test_another_stores_link_opens_nothing_here_whoever_signed_it() -> None:
    with pytest.raises(BadToken, match="other_venue"):
        read(TEXT, b"\x02" * 32, 124, IN_TIME)
    with pytest.raises(BadToken, match="other_venue"):
        read(TEXT, KEY, 124, IN_TIME)


def test_another_key_is_another_store() -> None:
    with pytest.raises(BadToken, match="forged"):
        read(TEXT, b"\x02" * 32, 123, IN_TIME)


@given(st.integers(0, 41), st.integers(1, 255))
def test_no_byte_of_it_can_be_changed(at: int, flip: int) -> None:
    raw = bytearray(base64.urlsafe_b64decode(TEXT))
    raw[at] ^= flip
    with pytest.raises(BadToken):
        read(base64.urlsafe_b64encode(bytes(raw)).decode(), KEY, 123, IN_TIME)


@given(st.one_of(st.text(max_size=80), st.text("AZaz09-_", min_size=56, max_size=56)))
def test_whatever_stands_in_a_link_is_a_clear_no(text: str) -> None:
    with pytest.raises(BadToken):
        read(text, KEY, 123, IN_TIME)


@pytest.mark.parametrize("text", ["", TEXT[:-1], TEXT + "A", TEXT + "=", TEXT[:-4] + "====", " " + TEXT[1:]])
def test_a_truncated_or_lengthened_link_is_forged(text: str) -> None:
    with pytest.raises(BadToken, match="forged"):
        read(text, KEY, 123, IN_TIME)


@pytest.mark.parametrize(
    "wrong",
    [
        replace(TOKEN, grant_id="0011"),
        replace(TOKEN, subject_hash="X" * 16),
        replace(TOKEN, venue_number=2**32),
        replace(TOKEN, channel=256),
        replace(TOKEN, expires_at=datetime(2107, 1, 1, tzinfo=UTC)),
    ],
)
def test_what_has_no_place_in_a_link_is_not_signed(wrong: GrantToken) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        sign(wrong, KEY)


def test_half_a_key_signs_nothing() -> None:
    with pytest.raises(ValueError, match="16 bytes"):
        sign(TOKEN, KEY[:16])


def test_each_platform_has_a_number_of_its_own() -> None:
    assert {PLATFORMS[channel] for channel in CHANNELS.values()} == CHANNELS.keys()
