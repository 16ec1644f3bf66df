"""Where a pull stands: an opaque text that names a table and the last seq shown. Pure."""

import base64
import binascii
import json


class BadCursor(Exception):
    """The text is no cursor of this table."""


def to_cursor(table: str, seq: int) -> str:
    return base64.urlsafe_b64encode(json.dumps({"t": table, "s": seq}).encode()).decode().rstrip("=")


def from_cursor(text: str, table: str) -> int:
    """The last seq shown. Raises BadCursor, also for a cursor of another table."""
    try:
        padded = text.encode("ascii") + b"=" * (-len(text) % 4)
        fields = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
        seq = fields["s"]
        if fields["t"] != table or not isinstance(seq, int) or isinstance(seq, bool) or not 0 <= seq < 2**63:
            raise BadCursor(text)
    except (ValueError, KeyError, TypeError, RecursionError, binascii.Error):
        raise BadCursor(text) from None
    return seq
