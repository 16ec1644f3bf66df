"""Every setting of the head office on one page: `headoffice.toml` has a section for each class here."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

from sync.config import ConfigErrors, parse_sections, read_document
from sync.headoffice.follow.accounts import Account, parse_accounts
from sync.setting import Mistake, Setting

DEFAULT_PATH = Path("/etc/yingke/headoffice.toml")


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """Where the head office answers and keeps its things."""

    SETTINGS: ClassVar[Mapping[str, Setting]] = {
        "database": Setting(
            "sqlite:////var/lib/yingke-headoffice/headoffice.db",
            "The database; --database goes before it.",
            kind="database",
        ),
        "listen": Setting(
            "127.0.0.1:8443", "Where it answers, plain HTTP; --listen goes before it.", kind="listens"
        ),
    }
    database: str
    listen: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much one store or program may ask for."""

    SETTINGS: ClassVar[Mapping[str, Setting]] = {
        "upload_kilobytes": Setting(4096, "Most kilobytes of one upload, as sent.", low=64, high=65536),
        "unpacked_kilobytes": Setting(16384, "Most kilobytes of one upload, unpacked.", low=64, high=262144),
        "upload_lines": Setting(10000, "Most events of one upload.", low=1, high=100000),
        "uploads_waiting": Setting(256, "Most uploads in work at once.", low=1, high=10000),
        "requests_burst": Setting(200, "Requests a key may make at once.", low=1, high=100000),
        "requests_per_minute": Setting(1200, "Requests a key may make after that.", low=1, high=1000000),
    }
    upload_kilobytes: int
    unpacked_kilobytes: int
    upload_lines: int
    uploads_waiting: int
    requests_burst: int
    requests_per_minute: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Console:
    """The pages for the people at head office."""

    SETTINGS: ClassVar[Mapping[str, Setting]] = {
        "timezone": Setting("UTC", "The time zone of the pages (IANA name).", kind="timezone"),
        "signed_in_minutes": Setting(720, "How long a sign-in lasts.", low=5, high=43200),
        "default_language": Setting(
            "en", "The language when the browser names none of ours.", choices=("en", "zh_CN")
        ),
    }
    timezone: str
    signed_in_minutes: int
    default_language: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """After how long things die here."""

    SETTINGS: ClassVar[Mapping[str, Setting]] = {
        "event_days": Setting(400, "Raw events.", low=30, high=3650),
        "rejected_days": Setting(90, "Lines that were refused.", low=7, high=365),
    }
    event_days: int
    rejected_days: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Follow:
    """What a follow of one of our accounts is worth; each account has a section [accounts.NAME]."""

    SETTINGS: ClassVar[Mapping[str, Setting]] = {
        "links": Setting(
            "",
            "Where links in replies lead, like http://wifi.example.com: the boxes take them on their own WiFi"
            " (follow.link_host), head office everywhere else. Empty: replies have no link.",
            pattern=r"(https?://[A-Za-z0-9.:{}_-]{1,200}/?)?",
        ),
        "grant_minutes": Setting(30, "How long a link or code of a grant is good.", low=5, high=1440),
        "session_minutes": Setting(720, "How long a follow admits.", low=1, high=43200),
        "codes_per_store": Setting(24, "Codes each box has in stock, for an account.", low=4, high=200),
        # 30 days is what WeChat gives a temporary QR at most.
        "code_days": Setting(30, "How long a code in stock is good.", low=2, high=30),
    }
    links: str
    grant_minutes: int
    session_minutes: int
    codes_per_store: int
    code_days: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sections:
    server: Server
    limits: Limits
    console: Console
    retention: Retention
    follow: Follow


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings(_Sections):
    """All settings, checked."""

    accounts: tuple[Account, ...]

    @classmethod
    def parse(cls, document: Mapping[str, Any], path: Path = DEFAULT_PATH) -> Self:
        """A parsed TOML document as settings. Raises ConfigErrors with every mistake in it."""
        mistakes: list[Mistake] = []
        sections = {name: given for name, given in document.items() if name != "accounts"}
        parsed = parse_sections(_Sections, sections, mistakes)
        accounts = parse_accounts(document.get("accounts", {}), mistakes)
        if mistakes:
            raise ConfigErrors(path, sorted(mistakes, key=lambda mistake: mistake.key))
        return cls(**parsed, accounts=accounts)


def load(path: Path | None) -> Settings:
    """The settings; without a named file and without the usual one, the defaults. Raises ConfigErrors."""
    if path is None and not DEFAULT_PATH.exists():
        return Settings.parse({})
    return Settings.parse(read_document(path or DEFAULT_PATH), path or DEFAULT_PATH)
