"""The ordered log from head office, waited for: what it says is done once, and in its order.

What a command does and how far the log is done are one transaction. After a crash a command is done again
or was done; both are the same.
"""

import logging
import random
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from sync import answer
from sync.answer import TryLater
from sync.command_body import BadCommand, number, text, text_or_none
from sync.config import Config
from sync.conversation import Conversation, back_off_seconds
from sync.envelope import is_integer
from sync.follow_commands import FOLLOW_ACTS, Act
from sync.model import Clock, LeadId, from_wire
from sync.records import Records, command_log, grants, roaming
from sync.records.admission import LONGEST_SESSION_SECONDS
from sync.records.command_log import Command
from sync.records.grants import Grant
from sync.wake import wake_gate

log = logging.getLogger("yingke.commands")

WAIT_SECONDS: Final = 25
# Ten thousand boxes are not to come back in the same moment: nobody waits as long as the other.
SPREAD_SECONDS: Final = 6
# An empty answer before its time: head office is ending, or what stands between does not wait. Then nobody
# comes back at once.
_LONGEST_PAUSE_SECONDS: Final = 1.0
_EARLY_SECONDS: Final = 0.5


class Commands:
    """Asks for what is new and does it, one step at a time."""

    def __init__(
        self,
        config: Config,
        records: Records,
        conversation: Conversation,
        clock: Clock,
        *,
        wait_seconds: int = WAIT_SECONDS,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._run_dir = config.venue.run_dir
        self._records = records
        self._conversation = conversation
        self._clock = clock
        self._wait_seconds = wait_seconds
        self._chance = chance
        self._failures = 0

    async def step(self) -> float:
        """One question, which head office may take its time to answer; returns the seconds to the next."""
        after = await self._records.read(command_log.cursor)
        wait_seconds = max(self._wait_seconds - int(self._chance() * SPREAD_SECONDS), 0)
        query = {"after": after, "wait": wait_seconds}
        asked_at = self._clock.boottime()
        said = await self._conversation.ask("GET", "/commands", query=query)
        if isinstance(said, TryLater):
            return self._later(said)
        try:
            found = parse_commands(said.fields, after)
        except (ValueError, TypeError, OverflowError, KeyError):
            return self._later(TryLater(sentence=answer.NOT_UNDERSTOOD))
        self._failures = 0
        if found:
            await self._records.write(act_on_all, found, self._clock)
            wake_gate(self._run_dir)
            # Somebody may stand in the shop and wait for the next one.
            return 0.0
        waited = self._clock.boottime() - asked_at
        is_early = waited < max(wait_seconds - _EARLY_SECONDS, _EARLY_SECONDS)
        return self._chance() * _LONGEST_PAUSE_SECONDS if is_early else 0.0

    def _later(self, verdict: TryLater) -> float:
        self._failures += 1
        seconds = back_off_seconds(self._failures, verdict.at_least_seconds, self._chance())
        log.info("no commands: %s Next try in %.0f s.", verdict.sentence, seconds)
        return seconds


def parse_commands(fields: Mapping[str, Any], after: int) -> list[Command]:
    """The commands behind `after`, in order. Raises ValueError, TypeError or KeyError. Pure."""
    found = [_command(each) for each in fields["commands"]]
    seqs = [after, *(command.seq for command in found)]
    if seqs != sorted(set(seqs)):
        raise ValueError("the commands are not in order")
    return found


def _command(fields: Any) -> Command:
    seq, command_id, kind, body = (fields[key] for key in ("seq", "command_id", "kind", "body"))
    if not (is_integer(seq) and isinstance(body, dict) and isinstance(command_id, str)):
        raise TypeError
    if not isinstance(kind, str):
        raise TypeError
    expires_at = fields.get("expires_at")
    return Command(
        seq=seq,
        command_id=command_id,
        kind=kind,
        issued_at=from_wire(fields["issued_at"]),
        expires_at=None if expires_at is None else from_wire(expires_at),
        body=body,
    )


def act_on_all(connection: sqlite3.Connection, commands: Sequence[Command], clock: Clock) -> None:
    """In one transaction with the place in the log. What was done before is passed over."""
    after = command_log.cursor(connection)
    for command in commands:
        if command.seq > after and not _is_too_late(command, clock):
            _act_on(connection, command, clock)
    command_log.done(connection, commands[-1].seq)


def _is_too_late(command: Command, clock: Clock) -> bool:
    """A wrong clock cannot judge that: then it is done."""
    return command.expires_at is not None and clock.synced() and command.expires_at <= clock.now()


def _act_on(connection: sqlite3.Connection, command: Command, clock: Clock) -> None:
    act = _ACTS.get(command.kind)
    if act is None:
        log.warning("command %d is of a kind this version does not know", command.seq)
        command_log.set_aside(connection, command, "unknown_kind", clock.now())
        return
    try:
        act(connection, command.body, clock)
    except BadCommand as bad:
        log.warning("command %d cannot be done: %s", command.seq, bad)
        command_log.set_aside(connection, command, str(bad), clock.now())


def _grant(connection: sqlite3.Connection, body: Mapping[str, Any], clock: Clock) -> None:
    """Whose station that is, this box knows itself: by the shopper's request that is granted."""
    request_id = text(body, "request_id")
    wish = roaming.find(connection, request_id, clock)
    if wish is None:
        log.info("a grant came too late for its request")
        return
    grants.give(connection, read_grant(body, request_id, wish.ip), clock)


def read_grant(body: Mapping[str, Any], request_id: str, ip: str, method: str = "roaming") -> Grant:
    """Head office's words as a grant. Raises BadCommand."""
    seconds = number(body, "session_seconds", 1, LONGEST_SESSION_SECONDS)
    lead_id = text_or_none(body, "lead_id")
    return Grant(
        grant_id=text(body, "grant_id"),
        request_id=request_id,
        ip=ip,
        lead_id=LeadId(lead_id) if lead_id else None,
        method=method,
        session_seconds=seconds,
    )


def _revoke(connection: sqlite3.Connection, body: Mapping[str, Any], clock: Clock) -> None:
    grants.revoke(connection, text(body, "grant_id"), clock.now())


_ACTS: Final[Mapping[str, Act]] = {"grant": _grant, "revoke": _revoke, **FOLLOW_ACTS}
