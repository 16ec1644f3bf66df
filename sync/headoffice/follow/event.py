"""The words between the platforms and the desk: an event in, an answer out."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from aiohttp import web

Kind = Literal["follow", "scan", "unfollow", "message"]
"""scan: she follows already and scanned again. message: a text or a menu, perhaps with a code."""
WhyNot = Literal["no_permission", "unavailable", "unsupported"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowEvent:
    """Something a person did on a platform.

    `account` is the name of our account in headoffice.toml, `subject_id` the platform's name for the person
    towards that account. `scene` is what we had put into the QR or link, `code` six digits she sent.
    """

    platform: str
    account: str
    subject_id: str
    kind: Kind
    scene: str | None
    code: str | None
    occurred_at: datetime
    dedupe_key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the platform says back to her; `text` is whole, in her words and with the link in it.

    `link` and `code` are the same once more, for platforms that show them in a form of their own.
    """

    text: str | None = None
    link: str | None = None
    code: str | None = None


Hear = Callable[[FollowEvent], Awaitable[Answer]]
"""The desk. The same (platform, account, dedupe_key) again: the same Answer, and nothing is done twice."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Minted:
    """What the QR says."""

    url: str


class CannotMint(Exception):
    """The platform gives no QR. no_permission lasts until the account changes; unavailable: try later."""

    def __init__(self, why: WhyNot) -> None:
        super().__init__(why)
        self.why = why


class Platform(Protocol):
    """One of our accounts on a platform."""

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """GET and POST /platforms/{platform}/{account}."""
        ...

    async def mint(self, scene: str, seconds: int | None) -> Minted:
        """A QR for a scene, for so many seconds or, with None, for good. Raises CannotMint.

        The scene is `s123.REF`, `st.123` or `sm.123.REF`; where it may hold no dot (Telegram) the platform
        may write `-` for it, and the desk reads both, and a bare REF. LINE, WhatsApp and Instagram, whose
        links carry what she will send, get the six digits of the code as their scene.
        """
        ...

    async def is_following(self, subject_id: str) -> bool | None:
        """None: the platform cannot tell, or not now."""
        ...

    async def close(self) -> None: ...
