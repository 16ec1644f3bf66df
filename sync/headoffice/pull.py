"""GET /v1/{table}: rows in the order of their seq, page by page."""

from typing import Any

from aiohttp import web

from sync.headoffice.authorise import authorise_pull
from sync.headoffice.cursor import BadCursor, from_cursor, to_cursor
from sync.headoffice.parts import PARTS
from sync.headoffice.problems import Problem
from sync.headoffice.suppression import suppress
from sync.headoffice.tables import TABLES

DEFAULT_LIMIT = 500
MAX_LIMIT = 1000
_MAX_SEQ = 2**63 - 1


async def pull_table(request: web.Request) -> web.Response:
    key = await authorise_pull(request)
    table = request.match_info["table"]
    if table not in TABLES:
        raise Problem(404, "no_such_table", f"there is no such table; there are {', '.join(TABLES)}")
    limit = number_in(request, "limit", default=DEFAULT_LIMIT, low=1, high=MAX_LIMIT)
    parts = request.app[PARTS]
    # One more than asked tells whether there are more.
    rows = await parts.storage.page(table, _after(request, table), limit + 1)
    has_more = len(rows) > limit
    data = [as_shown(table, row, pii="pii" in key.scopes) for row in rows[:limit]]
    parts.metrics.rows_pulled += len(data)
    response = web.json_response(
        {
            "data": data,
            "next_cursor": to_cursor(table, data[-1]["seq"]) if has_more else None,
            "has_more": has_more,
        },
        headers={"Cache-Control": "no-store"},
    )
    response.enable_compression()
    return response


def as_shown(table: str, row: dict[str, Any], *, pii: bool) -> dict[str, Any]:
    """A row as a key may see it: personal fields are null without `pii`, small counts are null always."""
    if not pii:
        row |= {column.name: None for column in TABLES[table].columns if column.personal}
    return suppress(row) if table == "footfall" else row


def _after(request: web.Request, table: str) -> int:
    """Readers send their `since_seq` with every page: the cursor wins."""
    cursor = request.query.get("cursor")
    if not cursor:
        return number_in(request, "since_seq", default=0, low=0, high=_MAX_SEQ)
    try:
        return from_cursor(cursor, table)
    except BadCursor:
        detail = f"cursor is not one that {table} has given"
        raise Problem(400, "bad_cursor", detail, hint="start again with since_seq") from None


def number_in(request: web.Request, name: str, *, default: int, low: int, high: int) -> int:
    """A whole number of the query. Raises Problem 400."""
    text = request.query.get(name)
    if text is None:
        return default
    digits = text.isascii() and text.isdigit() and len(text) < 20
    if not digits or not low <= int(text) <= high:
        raise Problem(400, f"bad_{name}", f"{name} is a whole number from {low} to {high}")
    return int(text)
