"""Frozen dataclasses <-> JSON values, by the types of their fields.

Strict: a missing key, a wrong type, a number out of SQLite's range is named with its key. Known types: str,
int, bool, None, datetime, IPv4Address, IPv6Address, Literal, tuple[X, ...], other dataclasses, and unions.
"""

import dataclasses
from datetime import datetime
from functools import cache
from ipaddress import IPv4Address, IPv6Address, ip_address
from types import NoneType, UnionType
from typing import Any, Literal, NewType, Union, get_args, get_origin, get_type_hints

from sync.model import from_wire, to_wire

LARGEST_INTEGER = 2**63 - 1


class Malformed(ValueError):
    """A value does not have the agreed shape; the message is one sentence that names the key."""


def encode(value: Any) -> Any:
    """A dataclass, or what stands in its fields -> a value that JSON knows."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: encode(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, datetime):
        return to_wire(value)
    if isinstance(value, IPv4Address | IPv6Address):
        return str(value)
    if isinstance(value, tuple | list):
        return [encode(item) for item in value]
    return value


def decode(cls: type[Any], value: Any, *, strict: bool, at: str = "") -> Any:
    """A JSON object -> `cls`. `strict` also refuses keys that `cls` does not have. Raises Malformed."""
    if not isinstance(value, dict):
        raise Malformed(f"{_name(at)} must be an object")
    hints: dict[str, Any] = _hints(cls)  # type: ignore[arg-type]
    unknown = [key for key in value if key not in hints]
    if strict and unknown:
        raise Malformed(f"`{unknown[0]}` is not known here; known: {', '.join(hints) or 'nothing'}")
    arguments: dict[str, Any] = {}
    for field in dataclasses.fields(cls):
        key = f"{at}.{field.name}" if at else field.name
        if field.name in value:
            arguments[field.name] = _decode_field(hints[field.name], value[field.name], strict, key)
        elif field.default is dataclasses.MISSING:
            raise Malformed(f"`{key}` is missing")
    return cls(**arguments)


@cache
def _hints(cls: Any) -> dict[str, Any]:
    return get_type_hints(cls)


def _decode_field(hint: Any, value: Any, strict: bool, at: str) -> Any:
    if isinstance(hint, NewType):
        hint = hint.__supertype__
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Union or origin is UnionType:
        return _decode_union(arguments, value, strict, at)
    if origin is Literal:
        if value not in arguments:
            raise Malformed(f"{_name(at)} must be one of {', '.join(map(str, arguments))}")
        return value
    if origin is tuple:
        if not isinstance(value, list):
            raise Malformed(f"{_name(at)} must be a list")
        return tuple(_decode_field(arguments[0], item, strict, at) for item in value)
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return decode(hint, value, strict=strict, at=at)
    return _decode_plain(hint, value, at)


def _decode_union(choices: tuple[Any, ...], value: Any, strict: bool, at: str) -> Any:
    if value is None and NoneType in choices:
        return None
    wanted = [choice for choice in choices if choice is not NoneType]
    if all(choice in (IPv4Address, IPv6Address) for choice in wanted):
        return _decode_ip(value, at)
    return _decode_field(wanted[0], value, strict, at)


def _decode_ip(value: Any, at: str) -> IPv4Address | IPv6Address:
    try:
        return ip_address(_text(value, at))
    except ValueError:
        raise Malformed(f"{_name(at)} must be an IP address") from None


def _decode_plain(hint: Any, value: Any, at: str) -> Any:
    if hint is datetime:
        try:
            return from_wire(_text(value, at))
        except ValueError:
            raise Malformed(f"{_name(at)} must be a time such as 2026-01-31T08:00:00.000000Z") from None
    if hint is int:
        # bool is an int in Python; a JSON true is no number here.
        if type(value) is not int or not -LARGEST_INTEGER <= value <= LARGEST_INTEGER:
            raise Malformed(f"{_name(at)} must be a whole number")
        return value
    if hint is bool:
        if type(value) is not bool:
            raise Malformed(f"{_name(at)} must be true or false")
        return value
    return _text(value, at)


def _text(value: Any, at: str) -> str:
    if not isinstance(value, str) or "\0" in value or not _is_unicode(value):
        raise Malformed(f"{_name(at)} must be text")
    return value


def _is_unicode(text: str) -> bool:
    """JSON can spell half of a surrogate pair, which no file and no socket takes (RFC 8259 section 8.2)."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _name(at: str) -> str:
    return f"`{at}`" if at else "the value"
