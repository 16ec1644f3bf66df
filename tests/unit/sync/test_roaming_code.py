"""The code that is taken along."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync import roaming_code

KEY = b"k" * 32


@given(st.text(min_size=1, max_size=40), st.binary(min_size=32, max_size=32))
def test_what_is_shown_is_read_again(session_id: str, key: bytes) -> None:
    code = roaming_code.code_of(session_id, key)
    assert len(code) == 10
    assert roaming_code.read(roaming_code.shown(code)) == code


def test_a_session_has_one_code_and_another_session_or_box_another() -> None:
    code = roaming_code.code_of("session-1", KEY)
    assert roaming_code.code_of("session-1", KEY) == code
    assert roaming_code.code_of("session-2", KEY) != code
    assert roaming_code.code_of("session-1", b"x" * 32) != code


@pytest.mark.parametrize(
    "typed",
    [
        "01AB1-XYZ90",
        "o1abl xyz9o",
        " OIAB1xyz9O ",
        "０１ＡＢ１－ＸＹＺ９０",
        "01AB1—XYZ90",
        "01A.B1_X Y Z 9 0",
    ],
)
def test_letters_that_are_misread_and_any_spelling_are_forgiven(typed: str) -> None:
    assert roaming_code.read(typed) == "01AB1XYZ90"


@pytest.mark.parametrize(
    "typed", ["", "01AB1-XYZ9", "01AB1-XYZ900", "01AB1-XYZU0", "01AB1/XYZ90", "é1AB1XYZ90"]
)
def test_what_cannot_be_a_code_is_none(typed: str) -> None:
    assert roaming_code.read(typed) is None


def test_only_the_digest_travels() -> None:
    assert roaming_code.digest("01AB1XYZ90") == hashlib.sha256(b"01AB1XYZ90").hexdigest()
