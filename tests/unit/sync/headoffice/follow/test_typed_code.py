"""The code in what people type."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.headoffice.follow.typed_code import code_in, is_about_wifi


@pytest.mark.parametrize(
    "typed",
    [
        "482913",
        " 482913\n",
        "482 913",
        "482-913",
        "482\u00a0913",
        "４８２９１３",
        "٤٨٢٩١٣",
        "我要上网482913谢谢",
        "WiFi: 482913!",
        "482913 482913",
        "482913, table 12",
    ],
)
def test_the_code_is_found_however_it_is_written(typed: str) -> None:
    assert code_in(typed) == "482913"


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "hello",
        "48291",
        "4829131",
        "13800138000",
        "482913 771204",
        "4 8 2 9 1 3",
        "四八二九一三",
        "x" * 65536,
    ],
)
def test_no_code_is_guessed(typed: str) -> None:
    assert code_in(typed) is None


@given(st.text())
def test_whatever_is_typed_gives_six_digits_or_nothing(typed: str) -> None:
    code = code_in(typed)
    assert code is None or (len(code) == 6 and code.isascii() and code.isdigit())


@pytest.mark.parametrize(
    "typed",
    [
        "482913",
        "482913 771204",
        "48291",
        "4829133",
        "４８２ ９１",
        "code: 4829",
        "WiFi?",
        "how to use wi-fi",
        "我要上网",
        "密码 1234",
    ],
)
def test_who_waits_for_wifi_is_answered(typed: str) -> None:
    assert is_about_wifi(typed)


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "你好",
        "Are you open on 24 December?",
        "13800138000",
        "I ordered 2 teas for 45.50 and got 1",
        "x" * 65536,
    ],
)
def test_any_other_chat_is_left_to_the_people_of_the_account(typed: str) -> None:
    assert not is_about_wifi(typed)
