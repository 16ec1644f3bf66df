"""One setting: its default, its meaning, and what it takes to be right."""

import ipaddress
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit
from zoneinfo import available_timezones

from sync.opening_hours import is_opening_hours

Kind = Literal[
    "text",
    "timezone",
    "ssid",
    "interface",
    "interface_or_none",
    "interfaces",
    "ipv4_interface",
    "ipv6_interface",
    "addresses",
    "listens",
    "url_or_none",
    "database",
    "domains",
    "opening_hours",
]

# IFNAMSIZ is 16 with the final NUL (linux/if.h); the characters are those every tool of the box takes.
_COUNTED = re.compile(r"(?:\(\?s\))?(\.|\[[^]]+\])\{(\d+)(?:,(\d+))?\}")
_INTERFACE = re.compile(r"[A-Za-z0-9_.-]{1,15}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mistake:
    """What is wrong with one key, and what was probably meant (empty: no guess)."""

    key: str
    wrong: str
    meant: str = ""

    def __str__(self) -> str:
        return f"{self.key}: {self.wrong}" + (f" (did you mean {self.meant}?)" if self.meant else "")


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting is one object: default, meaning, and either a pattern, bounds, choices or a kind."""

    default: Any
    meaning: str
    pattern: str = ""
    low: int = 0
    high: int = 0
    choices: tuple[str, ...] = ()
    kind: Kind = "text"

    def bounds(self) -> str:
        if self.choices:
            some = "Any" if isinstance(self.default, tuple) else "One"
            return f" {some} of {', '.join(self.choices)}."
        return f" {self.low} to {self.high}." if self.high > self.low else ""

    def as_toml(self) -> str:
        value = list(self.default) if isinstance(self.default, tuple) else self.default
        return json.dumps(str(value) if isinstance(value, Path) else value, ensure_ascii=False)


def check(setting: Setting, value: Any) -> Any:
    """The value as the setting's type, or a Mistake without a key."""
    default = setting.default
    if isinstance(default, int):
        return _check_integer(setting, value)
    if isinstance(default, tuple):
        return _check_list(setting, value)
    if not isinstance(value, str):
        return Mistake(key="", wrong=f"takes a text, not {value!r}", meant=f'"{value}"')
    if isinstance(default, Path):
        return (
            Path(value)
            if value.startswith("/")
            else Mistake(key="", wrong=f"{value!r} is not an absolute path")
        )
    return _check_text(setting, value)


def _check_integer(setting: Setting, value: Any) -> Any:
    # bool is an int to Python; `true` is no number to an owner.
    if not isinstance(value, int) or isinstance(value, bool):
        meant = value if isinstance(value, str) and value.lstrip("-").isdigit() else setting.default
        return Mistake(key="", wrong=f"takes a whole number, not {value!r}", meant=str(meant))
    if not setting.low <= value <= setting.high:
        nearest = min(max(value, setting.low), setting.high)
        return Mistake(key="", wrong=f"{value} is not {setting.low} to {setting.high}", meant=str(nearest))
    return value


def _check_list(setting: Setting, value: Any) -> Any:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        return Mistake(key="", wrong=f"takes a list of texts, not {value!r}", meant=json.dumps([str(value)]))
    if setting.choices:
        return _check_choices(setting, value)
    wrong = [item for item in value if not _ITEMS[setting.kind](item)]
    if wrong:
        return Mistake(key="", wrong=f"{', '.join(map(repr, wrong))}: {_EXPECTED[setting.kind]}")
    return tuple(value)


def _check_choices(setting: Setting, value: list[str]) -> Any:
    wrong = [item for item in value if item not in setting.choices]
    if not wrong:
        return tuple(value)
    meant = get_close_matches(wrong[0].lower(), setting.choices, n=1)
    return Mistake(
        key="",
        wrong=f"{', '.join(map(repr, wrong))}: there is none of that name, only {', '.join(setting.choices)}",
        meant="".join(meant),
    )


def _check_text(setting: Setting, value: str) -> Any:
    if setting.choices and value not in setting.choices:
        meant = next(
            (choice for choice in setting.choices if choice.startswith(value[:1].lower())), setting.choices[0]
        )
        return Mistake(key="", wrong=f"{value!r} is none of {', '.join(setting.choices)}", meant=meant)
    if setting.pattern and not re.fullmatch(setting.pattern, value):
        return Mistake(key="", wrong=f"{value!r} is not {_shape(setting)}", meant=_meant_by(setting, value))
    if setting.kind in _ITEMS and not _ITEMS[setting.kind](value):
        zones = get_close_matches(value, available_timezones(), n=1) if setting.kind == "timezone" else []
        return Mistake(key="", wrong=f"{value!r}: {_EXPECTED[setting.kind]}", meant="".join(zones))
    return value


def _shape(setting: Setting) -> str:
    """A pattern in words: how many of what; or else something it fits."""
    counted = _COUNTED.fullmatch(setting.pattern)
    if counted is None:
        return f"like {setting.default!r}"
    letters, low, high = counted.groups()
    return f"{low} to {high or low} characters" + ("" if letters == "." else f" of {letters}")


def _meant_by(setting: Setting, value: str) -> str:
    for guess in (
        value.strip(),
        value.strip().lower(),
        value.strip().upper(),
        re.sub(r"[^a-z0-9-]+", "-", value.lower()),
    ):
        if guess and re.fullmatch(setting.pattern, guess):
            return guess
    return ""


def _is_ipv4_interface(text: str) -> bool:
    """A host's own address in a network with room for some phones."""
    try:
        own = ipaddress.IPv4Interface(text)
    except ValueError:
        return False
    ends = (own.network.network_address, own.network.broadcast_address)
    return own.network.prefixlen <= 29 and own.ip not in ends


def _is_ipv6_interface(text: str) -> bool:
    """Phones make their own addresses in it, and they do that in a /64 only (RFC 4862 section 5.5.3)."""
    try:
        return ipaddress.IPv6Interface(text).network.prefixlen == 64
    except ValueError:
        return False


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def is_listen(text: str) -> bool:
    host, colon, port = text.rpartition(":")
    return bool(colon) and _is_address(host.strip("[]")) and port.isdigit() and 0 < int(port) < 65536


def _is_url(text: str) -> bool:
    parts = urlsplit(text)
    return (
        parts.scheme in ("https", "http") and bool(parts.hostname) and not parts.query and not parts.fragment
    )


# A name of DNS (RFC 1035 section 2.3.4, RFC 3696 section 2), with or without `*.` in front.
_DOMAIN = re.compile(
    r"(?:\*\.)?(?=.{4,253}$)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]"
)


_ITEMS: dict[str, Callable[[str], bool]] = {
    "timezone": lambda text: text in available_timezones(),
    # IEEE 802.11-2020 9.4.2.2: octets, not letters.
    "ssid": lambda text: 1 <= len(text.encode()) <= 32,
    "interface": lambda text: bool(_INTERFACE.fullmatch(text)),
    "interface_or_none": lambda text: not text or bool(_INTERFACE.fullmatch(text)),
    "interfaces": lambda text: bool(_INTERFACE.fullmatch(text)),
    "ipv4_interface": _is_ipv4_interface,
    "ipv6_interface": _is_ipv6_interface,
    "addresses": _is_address,
    "listens": is_listen,
    "url_or_none": lambda text: not text or _is_url(text),
    "database": lambda text: bool(re.match(r"sqlite:///.|postgres(ql)?://.", text)),
    "domains": lambda text: bool(_DOMAIN.fullmatch(text)),
    "opening_hours": is_opening_hours,
}
_EXPECTED = {
    "timezone": 'no such time zone, write it like "Asia/Shanghai"',
    "ssid": "a WiFi's name has 1 to 32 bytes: 32 Latin letters, or 10 Chinese characters",
    "interface": "no name of a network interface",
    "interface_or_none": "no name of a network interface",
    "interfaces": "no name of a network interface",
    "ipv4_interface": 'write the box\'s own address and the prefix, like "10.77.0.1/16"',
    "ipv6_interface": 'write the box\'s own address in a /64, like "fd77:79b6:1::1/64"',
    "addresses": "no IP address",
    "listens": 'write address and port, like "0.0.0.0:80"',
    "url_or_none": 'write it like "https://head-office.example"',
    "database": 'write it like "sqlite:////var/lib/headoffice.db"',
    "domains": 'write a domain in small letters, like "example.com" or "*.example.com"',
    "opening_hours": 'write days and times, like "Mo-Fr 09:00-21:00; Sa,Su 10:00-18:00"',
}
