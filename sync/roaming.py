"""Asks head office about shoppers who say that they are online in another store of the brand."""

import logging
import sqlite3
from collections.abc import Sequence

from sync.answer import TryLater
from sync.command_body import BadCommand
from sync.commands import read_grant
from sync.config import Config
from sync.conversation import Conversation, Said
from sync.model import Clock
from sync.records import Records, grants, roaming
from sync.records.roaming import UNREACHABLE, RoamingRequest
from sync.wake import wake_gate

log = logging.getLogger("yingke.roaming")

LOOK_SECONDS = 1.0
ASK_AGAIN_SECONDS = 5.0
# A shopper waits for it: better say soon that head office cannot be reached.
ANSWER_WITHIN_SECONDS, CONNECT_WITHIN_SECONDS = 8.0, 4.0


class Roaming:
    """One look at the wishes at a time; everything it must remember lies in the records."""

    def __init__(self, config: Config, records: Records, conversation: Conversation, clock: Clock) -> None:
        self._run_dir = config.venue.run_dir
        self._records = records
        self._conversation = conversation
        self._clock = clock

    async def step(self) -> float:
        """Asks for each wish that has no answer; returns the seconds until the next look."""
        wishes = await self._records.read(roaming.unanswered, self._clock)
        for wish in wishes:
            said = await self._ask(wish)
            if isinstance(said, TryLater):
                log.warning("roaming: %s", said.sentence)
                await self._records.write(_cannot_ask, wishes, self._clock)
                return max(ASK_AGAIN_SECONDS, said.at_least_seconds)
            await self._keep(wish, said)
        return LOOK_SECONDS

    async def _ask(self, wish: RoamingRequest) -> Said | TryLater:
        body = {"request_id": wish.request_id, "code_sha256": wish.code_sha256, "contact": wish.contact}
        return await self._conversation.ask("POST", "/roaming", body=body)

    async def _keep(self, wish: RoamingRequest, said: Said) -> None:
        if not said.yes:
            key = said.fields.get("key")
            await self._refuse(wish, key if isinstance(key, str) and len(key) <= 64 else "unknown")
            return
        try:
            grant = read_grant(said.fields, wish.request_id, wish.ip)
        except BadCommand as bad:
            log.warning("head office's grant: %s", bad)
            await self._refuse(wish, "over")
            return
        await self._records.write(grants.give, grant, self._clock)
        wake_gate(self._run_dir)

    async def _refuse(self, wish: RoamingRequest, key: str) -> None:
        await self._records.write(roaming.refuse, wish.request_id, key, self._clock.now())


def _cannot_ask(connection: sqlite3.Connection, wishes: Sequence[RoamingRequest], clock: Clock) -> None:
    """All of them are told; each is asked again while it is good."""
    for wish in wishes:
        if roaming.refusal_of(connection, wish.request_id) is None:
            roaming.refuse(connection, wish.request_id, UNREACHABLE, clock.now())
