"""A Telegram bot, alone or with the channel whose members are our followers.

    [accounts.bot]
    platform = "telegram"
    title = "Our café"
    id = "our_cafe_bot"                 the bot's name, without @
    channel = "@our_cafe"               or its number, -100…; left out: who starts the bot follows
    channel_link = "https://t.me/+…"    where a channel without a public name is joined
    webhook = "https://head.example.com/platforms/telegram/bot"

`webhook` is our address for this account, and Telegram is told it at each start; without it, somebody calls
setWebhook by hand, with the secret and with `chat_member` among the allowed updates.

Secrets: `bot.token`, and `bot.webhook_secret`, 1 to 256 of A-Z a-z 0-9 _ -, which Telegram sends along with
each update. With a channel the bot must be one of its administrators: else Telegram neither tells it who
joins nor always answers who is in it (core.telegram.org/bots/api#getchatmember).
"""

import hmac
import re
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

import aiohttp
from aiohttp import web

from sync.headoffice.follow.accounts import Account, BadAccount
from sync.headoffice.follow.event import Answer, CannotMint, FollowEvent, Hear, Minted
from sync.headoffice.follow.incoming import BadBody, object_in, parse_object, read_body, text_in
from sync.headoffice.follow.outgoing import PAUSES, CallFailed, Errands, call, log
from sync.headoffice.follow.telegram.updates import (
    AGAIN,
    ALLOWED_UPDATES,
    SECRET_HEADER,
    Heard,
    is_member,
    lost_the_channel,
    read_update,
)
from sync.model import Clock

_PAYLOAD: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_SECRET: Final = re.compile(r"[A-Za-z0-9_-]{1,256}")
_ON_THEIR_WAY: Final = 10_000
_ON_THEIR_WAY_SECONDS: Final = 900.0
# What getChatMember says of somebody the channel never saw; the words are Telegram's, and not documented.
_NEVER_SEEN: Final = ("user not found", "participant_id_invalid", "member not found")


def make(account: Account, hear: Hear, http: aiohttp.ClientSession, clock: Clock) -> "Telegram":
    """Raises BadAccount when a secret is missing. Needs a running loop: Telegram is told where we are."""
    telegram = Telegram(account, hear, http, clock)
    telegram.begin()
    return telegram


class Telegram:
    """One bot."""

    def __init__(
        self,
        account: Account,
        hear: Hear,
        http: aiohttp.ClientSession,
        clock: Clock,
        *,
        pauses: Sequence[float] = PAUSES,
    ) -> None:
        self._account = account
        self._hear = hear
        self._http = http
        self._clock = clock
        self._pauses = pauses
        self._secret = account.secret("webhook_secret")
        if not _SECRET.fullmatch(self._secret):
            raise BadAccount(f"{account.name}.webhook_secret takes 1 to 256 of A-Z a-z 0-9 _ -")
        self._base = f"{account.option('api', 'https://api.telegram.org')}/bot{account.secret('token')}"
        self._channel = account.options.get("channel")
        self._errands = Errands()
        # (scene, code, seconds): who was told to join first. After a restart her button still carries it.
        self._on_their_way: OrderedDict[str, tuple[str | None, str | None, float]] = OrderedDict()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """The webhook. The reply is in the answer itself: when the answer is lost, the update comes again.

        What carries the secret and cannot be used gets 200 all the same: Telegram would send it again and
        again, and everything else behind it.
        """
        if request.method != "POST":
            raise web.HTTPMethodNotAllowed(request.method, ["POST"])
        given_secret = request.headers.get(SECRET_HEADER, "").encode(errors="replace")
        if not hmac.compare_digest(given_secret, self._secret.encode()):
            raise web.HTTPForbidden
        try:
            update = parse_object(await read_body(request))
        except BadBody as error:
            log.warning("account %s: an update cannot be used: %s", self._account.name, error)
            return web.Response()
        if self._channel is not None and lost_the_channel(update, self._channel):
            name = self._account.name
            log.error("account %s: the bot is no administrator of its channel and hears of no follow", name)
        heard = read_update(update, self._account.name, self._channel, self._clock.now())
        return web.Response() if heard is None else await self._answer(heard)

    async def mint(self, scene: str, seconds: int | None) -> Minted:
        """A link that never ends; the pool knows how long its ref is good."""
        # No dot is allowed (core.telegram.org/bots/features#deep-linking).
        payload = scene.replace(".", "-")
        if not _PAYLOAD.fullmatch(payload):
            raise CannotMint("unsupported")
        return Minted(url=f"https://t.me/{self._account.id.lstrip('@')}?start={payload}")

    async def is_following(self, subject_id: str) -> bool | None:
        """Asked of the channel. Without one there is nothing to ask: Telegram tells us who stops the bot."""
        if self._channel is None or not subject_id.isdecimal():
            return None
        try:
            found = await self._call("getChatMember", {"chat_id": self._channel, "user_id": int(subject_id)})
        except CallFailed as failure:
            said = (text_in(failure.answer, "description") or "").lower()
            if failure.status == 400 and any(words in said for words in _NEVER_SEEN):
                return False
            log.warning("account %s: %s", self._account.name, failure)
            return None
        member = object_in(found, "result")
        return is_member(member) if "status" in member else None

    def begin(self) -> None:
        """Has Telegram told where its updates go. What fails is in the log; the next start tries again."""
        if url := self._account.option("webhook", ""):
            given = {"url": url, "secret_token": self._secret, "allowed_updates": ALLOWED_UPDATES}
            self._errands.start(self._call("setWebhook", given), self._account.name)

    async def close(self) -> None:
        await self._errands.close()

    async def _answer(self, heard: Heard) -> web.Response:
        event = self._with_what_she_came_with(heard.event)
        answer = await self._hear(event)
        if heard.callback_id is not None:
            # Only so that the button stops turning.
            done = self._call("answerCallbackQuery", {"callback_query_id": heard.callback_id})
            self._errands.start(done, self._account.name)
        # Who came by the bot can be answered there; somebody else who joins the channel cannot.
        spoke = heard.spoke or event.scene is not None or event.code is not None
        if not spoke or not answer.text or event.kind == "unfollow":
            return web.Response()
        return web.json_response(self._message(event, answer))

    def _message(self, event: FollowEvent, answer: Answer) -> dict[str, Any]:
        message: dict[str, Any] = {
            "method": "sendMessage",
            "chat_id": int(event.subject_id),
            "text": answer.text,
            # Or Telegram's servers open the grant's link before she does, to show what is there.
            "link_preview_options": {"is_disabled": True},
        }
        carried = event.scene or event.code
        if self._channel is not None and answer.link is None and carried and event.kind == "message":
            self._remember(event)
            message["reply_markup"] = {"inline_keyboard": self._buttons(carried)}
        return message

    def _buttons(self, carried: str) -> list[list[dict[str, str]]]:
        """The way into the channel, and "done" with what she came with; no words, so no language."""
        own = f"https://t.me/{self._channel[1:]}" if self._channel and self._channel.startswith("@") else ""
        link = self._account.option("channel_link", own)
        done = [{"text": "✅", "callback_data": AGAIN + carried}]
        return [[{"text": self._account.title, "url": link}], done] if link else [done]

    def _remember(self, event: FollowEvent) -> None:
        self._on_their_way[event.subject_id] = (event.scene, event.code, self._clock.boottime())
        self._on_their_way.move_to_end(event.subject_id)
        while len(self._on_their_way) > _ON_THEIR_WAY:
            self._on_their_way.popitem(last=False)

    def _with_what_she_came_with(self, event: FollowEvent) -> FollowEvent:
        """Joining the channel names no store; what she told the bot a moment ago does."""
        if event.kind == "unfollow":
            # Nothing of her is kept, not here either.
            self._on_their_way.pop(event.subject_id, None)
        if event.kind != "follow" or event.scene or event.code:
            return event
        scene, code, at = self._on_their_way.get(event.subject_id, (None, None, 0.0))
        if self._clock.boottime() - at > _ON_THEIR_WAY_SECONDS:
            return event
        return replace(event, scene=scene, code=code)

    async def _call(self, method: str, given: dict[str, Any]) -> Any:
        what = f"Telegram's {method}"
        return await call(self._http, what, "POST", f"{self._base}/{method}", json=given, pauses=self._pauses)
