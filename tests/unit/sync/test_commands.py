"""What an answer of head office's means as commands."""

from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from sync.commands import parse_commands
from sync.records.command_log import Command

_NAMES = st.sampled_from(
    ["commands", "after", "seq", "command_id", "kind", "issued_at", "expires_at", "body", "grant_id"]
)
_VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False),
    st.text(max_size=8),
    st.just("2026-11-23T08:00:00.000000Z"),
)
_JSON = st.recursive(
    _VALUES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_NAMES, inner, max_size=8)
)


@given(st.dictionaries(_NAMES, _JSON, max_size=3), st.integers(0, 5))
def test_whatever_is_answered_is_a_list_of_commands_or_a_clear_no(fields: dict[str, Any], after: int) -> None:
    with suppress(ValueError, TypeError, KeyError, OverflowError):
        found = parse_commands(fields, after)
        assert all(isinstance(command, Command) and command.seq > after for command in found)


def test_commands_come_as_they_were_sent() -> None:
    sent = {
        "seq": 8,
        "command_id": "c-8",
        "kind": "revoke",
        "issued_at": "2026-11-23T08:00:00.000000Z",
        "expires_at": "2026-11-23T09:00:00.000000Z",
        "body": {"grant_id": "grant-1"},
        "of_a_newer_head_office": True,
    }
    assert parse_commands({"commands": [sent], "after": 8}, 7) == [
        Command(
            seq=8,
            command_id="c-8",
            kind="revoke",
            issued_at=datetime(2026, 11, 23, 8, tzinfo=UTC),
            expires_at=datetime(2026, 11, 23, 9, tzinfo=UTC),
            body={"grant_id": "grant-1"},
        )
    ]
