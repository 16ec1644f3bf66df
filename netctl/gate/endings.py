"""How sessions end: found to be over, written down, shut out, told."""

from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace

from netctl.api import EndReason, Mac, Session
from netctl.gate import store
from netctl.gate.database import GateDatabase
from netctl.gate.day_use import session_on_day
from netctl.gate.enforcement import Enforcement
from netctl.gate.ledger import Ledger
from netctl.gate.limits import TEMPORARY_PASS
from netctl.gate.sessions import LiveSession, ended, ended_body
from netctl.gate.station_locks import StationLocks
from netctl.gate.store import Ending, Stamp
from netctl.gate.trace import Note
from netctl.gate.turns import in_turns
from netctl.gate.wishes import Wishes
from sync.model import Clock, new_event

_ENDINGS_AT_ONCE = 500


class Endings:
    """Whoever ends one station's session holds its lock; `end_those_over` takes the locks itself."""

    def __init__(
        self,
        enforcement: Enforcement,
        wishes: Wishes,
        ledger: Ledger,
        database: GateDatabase,
        locks: StationLocks,
        clock: Clock,
        note: Note,
        pass_over: Callable[[Mac], None],
    ) -> None:
        self._enforcement = enforcement
        self._wishes = wishes
        self._ledger = ledger
        self._database = database
        self._locks = locks
        self._clock = clock
        self._note = note
        self._pass_over = pass_over

    async def end(self, session: LiveSession, reason: EndReason) -> Session:
        """Raises sqlite3.Error: the station is out, and it is tried again to write that down."""
        (over,) = await self._end_all([(session, reason)])
        return over

    async def make_room(self, mac: Mac) -> None:
        """Ends a session of this station that is over and that nobody has looked at yet."""
        if mac in self._wishes.live:
            session = self._wishes.live[mac]
            await self.end(session, self._wishes.why_over(session, self._ledger.today()) or "expired")

    async def end_those_over(self) -> None:
        """Raises sqlite3.Error, as `end` does."""
        over = []
        today = self._ledger.today()
        async for mac, session in in_turns(list(self._wishes.live.items())):
            reason = self._wishes.why_over(session, today)
            if reason is not None and self._wishes.live.get(mac) is session:
                over.append((session, reason))
        for at in range(0, len(over), _ENDINGS_AT_ONCE):
            async with AsyncExitStack() as locks:
                # Who is being admitted or expelled this moment is looked at next time.
                some = [
                    (session, reason)
                    for session, reason in over[at : at + _ENDINGS_AT_ONCE]
                    if not self._locks.of(session.mac).locked()
                    and self._wishes.live.get(session.mac) is session
                ]
                for session, _ in some:
                    await locks.enter_async_context(self._locks.of(session.mac))
                if some:
                    await self._end_all(some)

    async def _end_all(self, sessions: Sequence[tuple[LiveSession, EndReason]]) -> list[Session]:
        """The wish first, the kernel after it, as with an admission; a full disk keeps nobody admitted."""
        endings = [self._ending(session, reason) for session, reason in sessions]
        for session, reason in sessions:
            self._wishes.live[session.mac] = replace(session, over=reason)
        try:
            await self._database.write(store.end_sessions, endings, Stamp.of(self._clock))
        finally:
            await self._enforcement.expel([session.mac for session, _ in sessions])
        for ending in endings:
            self._settle(ending)
        return [self._from_outside(ending) for ending in endings]

    def _settle(self, ending: Ending) -> None:
        mac = ending.use.mac
        self._wishes.live.pop(mac, None)
        self._ledger.took(ending.use)
        self._ledger.ended(ending.over.session, ending.over.reason)
        self._note(mac, "ended", ending.over.reason)
        self._wishes.limit(mac)
        if ending.over.session.method == TEMPORARY_PASS and ending.over.reason == "expired":
            self._pass_over(mac)

    def _ending(self, session: LiveSession, reason: EndReason) -> Ending:
        today = session_on_day(session, self._ledger.today())
        over = ended(today, reason, self._clock.boottime(), self._clock.now())
        told = new_event("session.ended", ended_body(over), self._clock)
        return Ending(over=over, told=told, use=self._ledger.after(today))

    def _from_outside(self, ending: Ending) -> Session:
        session = replace(ending.over.session, over=ending.over.reason)
        outside = session.seen_from_outside(self._clock.boottime())
        return replace(outside, ended_at=ending.over.ended_at, reason=ending.over.reason)
