"""No number is a person."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from sync.headoffice.suppression import suppress

COUNTED = ("devices", "low", "high", "inside", "passers_by", "naive_macs", "frames", "stations")


def _row(inside: int, passers_by: int, stations: int = 9, **changed: Any) -> dict[str, Any]:
    devices = inside + passers_by
    row = {
        "devices": devices,
        "low": devices,
        "high": devices + 3,
        "inside": inside,
        "passers_by": passers_by,
        "naive_macs": 2 * devices,
        "frames": 9 * devices,
        "stations": stations,
        "dwell_histogram": {"60": devices},
    }
    return row | changed


few = st.integers(min_value=0, max_value=12)


@given(few, few, few, st.dictionaries(st.sampled_from(["60", "300", "inf"]), few))
def test_no_small_count_is_shown_or_can_be_worked_out(
    inside: int, passers_by: int, stations: int, histogram: dict[str, int]
) -> None:
    row = _row(inside, passers_by, stations, dwell_histogram=histogram)
    shown = suppress(row)

    people = ("devices", "inside", "passers_by", "stations", "naive_macs")
    assert not any(shown[key] in range(1, 5) for key in people)
    assert not any(count in range(1, 5) for count in (shown["dwell_histogram"] or {}).values())
    # devices = inside + passers_by: of the two either both are shown or neither.
    assert (shown["inside"] is None) == (shown["passers_by"] is None)
    if row["devices"] in range(1, 5):
        assert all(shown[key] is None for key in COUNTED if key != "stations")
    assert shown["suppressed"] == any(shown[key] is None for key in (*COUNTED, "dwell_histogram"))


def test_large_counts_and_none_at_all_are_shown() -> None:
    assert suppress(_row(12, 30)) == _row(12, 30) | {"suppressed": False}
    assert suppress(_row(0, 0)) == _row(0, 0) | {"suppressed": False}


def test_a_store_without_a_radio_has_nothing_to_suppress() -> None:
    row = dict.fromkeys(COUNTED) | {"stations": 0, "dwell_histogram": None}
    assert suppress(row) == row | {"suppressed": False}
