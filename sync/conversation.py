"""Talking with head office: the key, how long is waited, and answers that are read up to a bound."""

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import aiohttp

from sync import answer
from sync.answer import TryLater
from sync.config import Config

_SHORTEST_BACK_OFF_SECONDS: Final = 1.0
_LONGEST_BACK_OFF_SECONDS: Final = 300.0
USER_AGENT: Final = f"yingke/{version('yingke')}"
LONGEST_ANSWER_BYTES: Final = 4 * 1024 * 1024
_KEY: Final = re.compile(r"[!-~]{1,200}")


def back_off_seconds(failures: int, at_least_seconds: int, chance: float) -> float:
    """Doubles with each failure in a row; `chance` (0 to 1) keeps many boxes from coming at once."""
    longest = min(_LONGEST_BACK_OFF_SECONDS, _SHORTEST_BACK_OFF_SECONDS * 2.0 ** min(failures - 1, 20))
    return at_least_seconds + longest * (0.5 + chance / 2)


def read_key(config: Config, credentials_directory: str | None) -> str | None:
    """The upload key: systemd's credential if there is one, else the file the settings name."""
    files = [Path(credentials_directory) / "upload_key"] if credentials_directory else []
    for file in [*files, config.sync.upload_key_file]:
        try:
            key = file.read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError):
            continue
        if _KEY.fullmatch(key):
            return key
    return None


def call(timeout_seconds: float, connect_seconds: float = 15) -> aiohttp.ClientSession:
    """A client for one conversation with head office: one connection, nothing unpacked, no cookies."""
    return aiohttp.ClientSession(
        headers={"Accept-Encoding": "identity"},
        timeout=aiohttp.ClientTimeout(total=timeout_seconds, connect=connect_seconds),
        connector=aiohttp.TCPConnector(limit=1),
        # An answer is read up to a bound, so it must not unpack to more.
        auto_decompress=False,
        cookie_jar=aiohttp.DummyCookieJar(),
    )


async def read_at_most(response: aiohttp.ClientResponse, most_bytes: int = LONGEST_ANSWER_BYTES) -> bytes:
    """What is longer is no answer of head office's; reading stops there."""
    said = bytearray()
    async for piece in response.content.iter_any():
        said += piece
        if len(said) > most_bytes:
            return b""
    return bytes(said)


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """Head office answered, with a yes (200) or a no of its own (409): one JSON object."""

    yes: bool
    fields: Mapping[str, Any]


class Conversation:
    """Small questions and answers as JSON, with this store's key."""

    def __init__(
        self, config: Config, http: aiohttp.ClientSession, *, credentials_directory: str | None = None
    ) -> None:
        self._config = config
        self._http = http
        self._credentials_directory = credentials_directory
        self._venue = f"{config.sync.head_office_url.rstrip('/')}/v1/venues/{config.venue.id}"

    async def ask(
        self, method: str, path: str, *, query: Mapping[str, int] | None = None, body: Any = None
    ) -> Said | TryLater:
        """Never raises for what the other side does; what is no answer of head office's is TryLater."""
        key = await asyncio.to_thread(read_key, self._config, self._credentials_directory)
        if key is None:
            return TryLater(sentence=answer.NO_KEY)
        try:
            # Redirects are not followed: the key is for this address only.
            async with self._http.request(
                method,
                f"{self._venue}{path}",
                params=query,
                json=body,
                headers={"Authorization": f"Bearer {key}", "User-Agent": USER_AGENT},
                allow_redirects=False,
            ) as response:
                said = await read_at_most(response)
                return judge_answer(response.status, response.headers, said)
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError):
            return TryLater(sentence=answer.NOT_REACHED)


def judge_answer(status: int, headers: Mapping[str, str], body: bytes) -> Said | TryLater:
    """Only a JSON object with 200 or 409 is an answer. Pure."""
    fields = answer.json_object(body)
    if status in (200, 409) and fields:
        return Said(yes=status == 200, fields=fields)
    return answer.later(status, headers)
