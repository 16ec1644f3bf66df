"""What stands in the body of a command, read strictly. Pure."""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

from sync.envelope import is_integer
from sync.model import from_wire

T = TypeVar("T")
LONGEST_TEXT = 300
MOST_ENTRIES = 2000


class BadCommand(ValueError):
    """A command of a known kind whose body is not what it should be; the text says what."""


def text(body: Mapping[str, Any], key: str, longest: int = 64) -> str:
    """Raises BadCommand, as do all of these."""
    value = body.get(key)
    if not isinstance(value, str) or not 1 <= len(value) <= longest or "\0" in value:
        raise not_right(key)
    return value


def text_or_none(body: Mapping[str, Any], key: str, longest: int = 64) -> str | None:
    return None if body.get(key) is None else text(body, key, longest)


def matching(body: Mapping[str, Any], key: str, pattern: re.Pattern[str]) -> str:
    value = text(body, key, LONGEST_TEXT)
    if not pattern.fullmatch(value):
        raise not_right(key)
    return value


def number(body: Mapping[str, Any], key: str, low: int, high: int) -> int:
    value = body.get(key)
    if not (is_integer(value) and low <= value <= high):
        raise not_right(key)
    return value


def url_or_none(body: Mapping[str, Any], key: str) -> str | None:
    """What a page may link to: other schemes could be a script."""
    value = text_or_none(body, key, LONGEST_TEXT)
    if value is not None and not value.startswith(("https://", "http://")):
        raise not_right(key)
    return value


def moment(body: Mapping[str, Any], key: str) -> datetime:
    try:
        return from_wire(text(body, key))
    except (ValueError, OverflowError):
        raise not_right(key) from None


def each(
    body: Mapping[str, Any],
    key: str,
    read: Callable[[Mapping[str, Any]], T],
    identity: Callable[[T], object] | None = None,
) -> Sequence[T]:
    """A list of objects; no two with the same identity."""
    value = body.get(key)
    if not isinstance(value, list) or len(value) > MOST_ENTRIES:
        raise not_right(key)
    if not all(isinstance(entry, dict) for entry in value):
        raise not_right(key)
    found = [read(entry) for entry in value]
    if identity is not None and len({identity(entry) for entry in found}) < len(found):
        raise BadCommand(f"{key} has an entry twice")
    return found


def not_right(key: str) -> BadCommand:
    return BadCommand(f"{key} is not what it should be")
