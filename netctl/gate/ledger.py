"""What each station has had of its day, and how its last admission ended: what is due to it now."""

from netctl.api import EndReason, Mac
from netctl.gate import store
from netctl.gate.database import GateDatabase
from netctl.gate.day_use import DayUse, after_session, on_day, used
from netctl.gate.limits import TEMPORARY_PASS, GuestLimits
from netctl.gate.sessions import LiveSession
from sync.model import Clock


class Ledger:
    """In memory as in gate.db, where the gate writes each change together with the session it is about."""

    def __init__(self, database: GateDatabase, limits: GuestLimits, clock: Clock) -> None:
        self._database = database
        self._limits = limits
        self._clock = clock
        self._uses: dict[Mac, DayUse] = {}
        self._ends: dict[Mac, tuple[str, EndReason]] = {}

    async def load(self) -> None:
        """Again after old rows died."""
        self._uses = await self._database.read(store.day_uses)
        self._ends = await self._database.read(store.last_ends)

    def today(self) -> str:
        return self._limits.day(self._clock.now(), self._clock.synced())

    def use(self, mac: Mac, today: str | None = None) -> DayUse:
        """Of today."""
        today = self.today() if today is None else today
        return on_day(self._uses.get(mac) or DayUse(mac=mac, day=today), today)

    def used_bytes(self, session: LiveSession, today: str) -> int:
        """Of this day, by the station of this session, which is of this day too."""
        # Ten thousand are asked about every few seconds.
        if self._limits.day_bytes is None:
            return 0
        return used(self.use(session.mac, today), session)

    def passes_left(self, mac: Mac) -> int:
        return max(0, self._limits.passes_a_day - self.use(mac).passes)

    def is_used_up(self, mac: Mac) -> bool:
        """Whether the station has had its volume of the day."""
        limit = self._limits.day_bytes
        return limit is not None and self.use(mac).bytes >= limit

    def after(self, session: LiveSession) -> DayUse:
        """Of today, with this session, which is over."""
        return after_session(self.use(session.mac), session)

    def took(self, use: DayUse) -> None:
        """It is written down."""
        self._uses[use.mac] = use

    def ended(self, session: LiveSession, reason: EndReason) -> None:
        self._ends[session.mac] = (session.method, reason)

    def last_end(self, mac: Mac) -> str | None:
        """Why its last session ended, in the words of `Why`; None: it had none that is still kept."""
        if mac not in self._ends:
            return None
        method, reason = self._ends[mac]
        if method == TEMPORARY_PASS and reason in ("expired", "quota"):
            return "pass_over"
        return "expired" if reason == "lost_at_reboot" else reason
