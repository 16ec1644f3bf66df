"""Our accounts on the platforms: `[accounts.NAME]` of headoffice.toml, and their secrets in files."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

from sync.setting import Mistake

Proof = Literal["verified", "claimed"]

VERIFIED: Final = ("wechat", "line", "telegram", "kakao", "instagram", "wecom", "whatsapp")
"""Platforms that say who follows, in the order of their numbers in a grant link, from 1."""
CLAIMED: Final = ("facebook", "x", "tiktok", "youtube", "weibo", "xiaohongshu", "douyin")
"""Platforms that prove nothing to us: a link, and a follow that is claimed."""

_NEEDED: Final[Mapping[str, tuple[str, ...]]] = {
    "wechat": ("token",),
    "line": ("channel_secret", "channel_token"),
    "telegram": ("token", "webhook_secret"),
    "kakao": ("admin_key", "client_secret"),
    "instagram": ("token", "app_secret", "verify_token"),
    "wecom": ("token", "aes_key"),
    "whatsapp": ("token", "app_secret", "verify_token"),
}
_USEFUL: Final[Mapping[str, tuple[str, ...]]] = {
    "wechat": ("aes_key", "app_secret"),
    "wecom": ("corp_secret",),
}

_NAME: Final = re.compile(r"[a-z0-9-]{1,32}")
_OWN: Final = ("platform", "title", "id", "brands")
_LONGEST: Final = 300
_LARGEST_SECRET_BYTES: Final = 8192


class BadAccount(Exception):
    """An account cannot be used as it is set; the text is one sentence that names what is missing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """One account. `id` is the platform's public name for it (app id, bot name, phone number).

    `options` are all other keys of its section, as text; `secrets` are the files `NAME.KEY` by KEY.
    """

    name: str
    platform: str
    title: str
    id: str
    brands: tuple[str, ...] = ("default",)
    options: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def proof(self) -> Proof:
        return "verified" if self.platform in VERIFIED else "claimed"

    def option(self, key: str, default: str) -> str:
        return self.options.get(key, default)

    def secret(self, key: str) -> str:
        """Raises BadAccount when there is no such file, or nothing in it: anybody could sign with nothing."""
        if not self.secrets.get(key):
            raise BadAccount(f"account {self.name} needs its secret in the file {self.name}.{key}")
        return self.secrets[key]


def needed_secrets(account: Account) -> tuple[str, ...]:
    """Without these it cannot be used as it is set. None for what proves nothing."""
    needed = _NEEDED.get(account.platform, ())
    has_login = account.platform == "line" and "login_channel" in account.options
    return (*needed, "login_secret") if has_login else needed


def useful_secrets(account: Account) -> tuple[str, ...]:
    """Without these it can do less; the modules of the platforms say what."""
    return _USEFUL.get(account.platform, ())


def parse_accounts(given: Any, mistakes: list[Mistake]) -> tuple[Account, ...]:
    """The sections [accounts.NAME], without their secrets; what is wrong is appended to `mistakes`."""
    if not isinstance(given, dict):
        mistakes.append(Mistake(key="accounts", wrong="a section is a table", meant="[accounts.NAME]"))
        return ()
    return tuple(account for name in given if (account := _account(name, given[name], mistakes)) is not None)


def _account(name: str, given: Any, mistakes: list[Mistake]) -> Account | None:
    wrong = list(_wrong_with(name, given))
    mistakes += wrong
    if wrong:
        return None
    return Account(
        name=name,
        platform=given["platform"],
        title=given["title"],
        id=given["id"],
        brands=tuple(given.get("brands", ["default"])),
        options={key: value for key, value in given.items() if key not in _OWN},
    )


def _wrong_with(name: str, given: Any) -> list[Mistake]:
    key = f"accounts.{name}"
    if not _NAME.fullmatch(name):
        return [Mistake(key=key, wrong="an account's name has 1 to 32 characters of [a-z0-9-]")]
    if not isinstance(given, dict):
        return [Mistake(key=key, wrong="a section is a table", meant=f"[{key}]")]
    found = [
        Mistake(key=f"{key}.{need}", wrong="is missing")
        for need in ("platform", "title", "id")
        if need not in given
    ]
    for each, value in given.items():
        if each == "brands":
            if not (isinstance(value, list) and all(isinstance(brand, str) for brand in value)):
                found.append(Mistake(key=f"{key}.brands", wrong="takes a list of texts", meant='["default"]'))
        elif not (isinstance(value, str) and len(value) <= _LONGEST):
            found.append(Mistake(key=f"{key}.{each}", wrong=f"takes a text of {_LONGEST} characters at most"))
    platform = given.get("platform")
    if isinstance(platform, str) and platform not in VERIFIED + CLAIMED:
        wrong = f"{platform!r} is none of {', '.join(VERIFIED + CLAIMED)}"
        found.append(Mistake(key=f"{key}.platform", wrong=wrong))
    if platform in CLAIMED and not str(given.get("link", "")).startswith("https://"):
        found.append(Mistake(key=f"{key}.link", wrong="the page to follow, https://…"))
    return found


def credentials_folder() -> Path:
    """Where systemd puts the secrets of this service (systemd.exec(5), LoadCredential=), or our own place."""
    return Path(os.environ.get("CREDENTIALS_DIRECTORY") or "/etc/yingke/credentials")


def read_secrets(name: str, folder: Path) -> dict[str, str]:
    """All `NAME.KEY` by KEY, without the line end an editor leaves. Raises BadAccount."""
    try:
        return {
            path.name.removeprefix(f"{name}."): _read(path)
            for path in sorted(folder.glob(f"{name}.*"))
            if path.is_file()
        }
    except (OSError, UnicodeDecodeError) as error:
        raise BadAccount(f"the secrets of account {name} in {folder} cannot be read: {error}") from None


def _read(path: Path) -> str:
    if path.stat().st_size > _LARGEST_SECRET_BYTES:
        raise BadAccount(f"{path} is larger than any secret")
    return path.read_text(encoding="utf-8").strip()
