"""How sessions begin or go on: whether a station may have what it asks for, durable before anything opens."""

from netctl.api import Mac
from netctl.gate import store
from netctl.gate.database import GateDatabase
from netctl.gate.day_use import after_pass
from netctl.gate.endings import Endings
from netctl.gate.enforcement import Enforcement
from netctl.gate.ledger import Ledger
from netctl.gate.limits import TEMPORARY_PASS
from netctl.gate.refused import Refused
from netctl.gate.roaming import RoamingCodes
from netctl.gate.sessions import LiveSession, extended, started_body, verified_body
from netctl.gate.store import Stamp
from netctl.gate.trace import Note
from netctl.gate.wishes import Wishes
from sync.model import Clock, Event, new_event
from sync.records.admission import LONGEST_SESSION_SECONDS, AdmissionRequest
from sync.records.grant_links import Followed

_LONGEST_WORD = 64


class Beginnings:
    """Whoever begins a station's session holds its lock, and opens for it afterwards."""

    def __init__(
        self,
        enforcement: Enforcement,
        endings: Endings,
        wishes: Wishes,
        ledger: Ledger,
        database: GateDatabase,
        codes: RoamingCodes,
        clock: Clock,
        note: Note,
    ) -> None:
        self._enforcement = enforcement
        self._endings = endings
        self._wishes = wishes
        self._ledger = ledger
        self._database = database
        self._codes = codes
        self._clock = clock
        self._note = note

    async def on_request(
        self, request: AdmissionRequest, mac: Mac, followed: Followed | None = None
    ) -> LiveSession:
        """The same request again finds its session. `followed`: the follow behind it. Raises Refused."""
        if not _is_credible(request):
            raise Refused("bad_request", "That request is none that our portal or head office writes.")
        handled = await self._database.read(store.session_of_request, request.request_id)
        live = self._wishes.session_of(mac)
        if handled is not None:
            if live is None or live.session_id != handled:
                raise session_over()
            return await self._enforcement.count(live)
        self._refuse_whom_we_must(mac, request.method)
        if live is not None:
            return await self._extend(live, request, followed)
        await self._endings.make_room(mac)
        stamp = Stamp.of(self._clock)
        session = self._wishes.new_session(
            mac, request.method, request.lead_id, request.session_seconds, stamp
        )
        told = [self._started(session), *self._verified(session, request, followed)]
        await self._database.write(store.begin_session, session, request.request_id, told, stamp)
        self._wishes.live[mac] = session
        return session

    async def temporary_pass(self, mac: Mac) -> LiveSession | None:
        """None: the station has a session that lives, and nothing is counted. Raises Refused."""
        self._refuse_whom_we_must(mac, TEMPORARY_PASS)
        if self._wishes.session_of(mac) is not None:
            return None
        if self._ledger.passes_left(mac) == 0:
            hint = "Register, or come back tomorrow."
            raise Refused("pass_used_up", "All temporary passes of today are used.", hint)
        await self._endings.make_room(mac)
        stamp = Stamp.of(self._clock)
        session = self._wishes.new_pass(mac, stamp)
        use = after_pass(self._ledger.use(mac))
        await self._database.write(store.begin_pass, session, use, self._started(session), stamp)
        self._ledger.took(use)
        self._wishes.live[mac] = session
        return session

    async def _extend(
        self, live: LiveSession, request: AdmissionRequest, followed: Followed | None
    ) -> LiveSession:
        stamp = Stamp.of(self._clock)
        longer = extended(live, request.session_seconds, request.lead_id, stamp.boottime, request.method)
        # Head office hears once more of a session that can be taken along only now.
        news = self._codes.code_of(longer) != self._codes.code_of(live)
        told = [self._started(longer)] if news else []
        told += self._verified(longer, request, followed)
        await self._database.write(store.extend_session, longer, request.request_id, told, stamp)
        return await self._enforcement.count(self._wishes.within_hours(longer, self._wishes.closing()))

    def _started(self, session: LiveSession) -> Event:
        body = started_body(session) | self._codes.told(session)
        return new_event("session.started", body, self._clock)

    def _verified(
        self, session: LiveSession, request: AdmissionRequest, followed: Followed | None
    ) -> list[Event]:
        """Told with the session it opens for, once: the request is handled in the same commit."""
        if followed is None:
            return []
        body = verified_body(session, request.request_id, followed)
        return [new_event("follow.verified", body, self._clock)]

    def _refuse_whom_we_must(self, mac: Mac, method: str) -> None:
        """Raises Refused, and the station's trace has it."""
        refusal = self._wishes.refusal(mac, method)
        if refusal is not None:
            self._note(mac, "refused", refusal.key)
            raise refusal


def _is_credible(request: AdmissionRequest) -> bool:
    """Several processes may write the records; what the gate takes over from there it tells on and keeps."""
    words = [request.method] if request.lead_id is None else [request.method, request.lead_id]
    return 0 < request.session_seconds <= LONGEST_SESSION_SECONDS and all(
        0 < len(word) <= _LONGEST_WORD and word.isprintable() for word in words
    )


def session_over() -> Refused:
    return Refused("session_over", "That request was granted, and its session is over.", "Sign in again.")
