"""The code in what people type."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.headoffice.follow.typed_code import code_in


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
