import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.codes import Code, Tries, read_code, shown
from sync.records.vouchers import ALPHABET, LENGTH
from tests.clock import FakeClock

VOUCHER = Code(kind="voucher", text="BCDFGHKMN")


@pytest.mark.parametrize(
    "typed",
    [
        "BCD-FGH-KMN",
        "bcdfghkmn",
        " bcd fgh kmn ",
        "ＢＣＤ－ＦＧＨ－ＫＭＮ",
        "b.c.d/f_g—h·k:m n",
        "8c0f6hkmn",
        "BCQ FGH KMN",
    ],
)
def test_a_voucher_is_read_however_it_is_typed(typed: str) -> None:
    assert read_code(typed) == VOUCHER


@pytest.mark.parametrize("typed", ["042917", "042-917", " 042 917 ", "０４２９１７"])
def test_six_digits_are_a_staff_code(typed: str) -> None:
    assert read_code(typed) == Code(kind="staff", text="042917")


@pytest.mark.parametrize(
    "typed", ["", "-", "12345", "1234567", "BCDFGHKM", "BCDFGHKMNP", "AEILJBCDF", "x" * 9999]
)
def test_what_cannot_be_a_code_is_none(typed: str) -> None:
    assert read_code(typed) is None


@given(st.text(alphabet=ALPHABET, min_size=LENGTH, max_size=LENGTH))
def test_every_code_is_read_as_it_was_printed(code: str) -> None:
    assert read_code(shown(code)) == Code(kind="voucher", text=code)
    assert read_code(shown(code).lower()) == Code(kind="voucher", text=code)


@given(st.text(max_size=80))
def test_whatever_is_typed_does_no_harm(typed: str) -> None:
    read = read_code(typed)
    assert read is None or len(read.text) == {"voucher": LENGTH, "staff": 6}[read.kind]


def test_one_station_gets_five_tries_and_one_a_minute() -> None:
    clock = FakeClock()
    tries = Tries(clock.boottime)
    assert [tries.take(VOUCHER, "KLMP") > 0 for _ in range(6)] == [False] * 5 + [True]
    assert tries.take(VOUCHER, "QRST") == 0
    clock.advance(60)
    assert tries.take(VOUCHER, "KLMP") == 0


@pytest.mark.parametrize(("kind", "most"), [("voucher", 43_260), ("staff", 318)])
def test_a_day_of_guessing_from_made_up_stations_is_as_short_as_the_arithmetic_says(
    kind: str, most: int
) -> None:
    clock = FakeClock()
    tries = Tries(clock.boottime)
    code = VOUCHER if kind == "voucher" else Code(kind="staff", text="042917")
    granted = 0
    for second in range(86_400):
        while tries.take(code, f"made up {second} {granted}") == 0:
            granted += 1
        clock.advance(1)
    assert granted == pytest.approx(most, abs=1)


def test_who_guesses_staff_codes_takes_no_try_of_a_voucher_from_anybody() -> None:
    clock = FakeClock()
    tries, staff = Tries(clock.boottime), Code(kind="staff", text="042917")
    for number in range(40):
        tries.take(staff, f"made up {number}")
    assert tries.take(staff, "KLMP") > 0
    assert tries.take(VOUCHER, "QRST") == 0
