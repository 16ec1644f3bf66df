"""Where a pull stands."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.headoffice.cursor import BadCursor, from_cursor, to_cursor
from sync.headoffice.tables import TABLES

tables = st.sampled_from(sorted(TABLES))


@given(tables, st.integers(min_value=0, max_value=2**63 - 1))
def test_a_cursor_leads_back_to_its_place(table: str, seq: int) -> None:
    cursor = to_cursor(table, seq)
    assert from_cursor(cursor, table) == seq
    # It goes into an address as it is.
    assert cursor.replace("-", "").replace("_", "").isalnum()


@given(tables, tables, st.integers(min_value=0, max_value=2**63 - 1))
def test_a_cursor_is_good_for_its_table_only(table: str, other: str, seq: int) -> None:
    if table != other:
        with pytest.raises(BadCursor):
            from_cursor(to_cursor(table, seq), other)


@given(st.text() | st.binary().map(lambda raw: raw.hex()))
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(BadCursor):
        from_cursor(text, "leads")
