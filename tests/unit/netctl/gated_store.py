"""A store's gate for tests: everything real but the kernel and the clock."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from netctl.api import Ip, Mac, parse_ip, parse_mac
from netctl.gate.attendance import Attendance
from netctl.gate.database import GateDatabase
from netctl.gate.desk import Condition, Desk
from netctl.gate.gate import Gate
from netctl.gate.limits import GuestLimits
from netctl.gate.roaming import RoamingCodes
from netctl.gate.stations import Stations
from netctl.gate.waiting import WaitingRequests
from netctl.lan.leases import LeaseFile
from netctl.linux.neighbours import Neighbour
from sync.config import Config
from sync.model import Event, LeadId
from sync.records import admission, outbox
from sync.records.admission import AdmissionRequest
from sync.records.connect import Records, migrate, open_records
from tests.clock import FakeClock
from tests.unit.netctl.fake_kernel import FakeKernel

ANNA, BEN = parse_mac("02:00:5e:10:00:01"), parse_mac("02:00:5e:10:00:02")
ANNAS_IP, BENS_IP = parse_ip("10.77.0.11"), parse_ip("10.77.0.12")
ABSENT_AFTER_SECONDS = 300


class GatedStore:
    """The parts of one running gate, and what a test does with them."""

    def __init__(
        self,
        home: Path,
        clock: FakeClock,
        kernel: FakeKernel,
        records: Records,
        limits: Mapping[str, int | str] | None = None,
        codes: RoamingCodes | None = None,
    ) -> None:
        self.clock = clock
        self.kernel = kernel
        self.records = records
        self.lease_file = home / "dnsmasq.leases"
        self.database = GateDatabase(home / "gate" / "gate.db")
        self.stations = Stations(kernel, LeaseFile(self.lease_file))
        self.config = Config.parse({"limits": limits or {}})
        guest_limits, codes = GuestLimits.of(self.config), codes or RoamingCodes(None)
        leased_to = self.stations.leased_to
        self.attendance = Attendance(self.database, clock, ABSENT_AFTER_SECONDS, leased_to)
        note = self.attendance.note
        self.passes_over: list[Mac] = []
        self.gate = Gate(
            kernel,
            self.stations,
            self.database,
            records,
            clock,
            guest_limits,
            codes,
            note,
            self.passes_over.append,
        )
        self.waiting = WaitingRequests(self.gate, self.database, records, clock)
        self.condition = Condition(clock)
        self.desk = Desk(self.gate, self.stations, self.attendance, self.condition, clock)

    async def open(self) -> None:
        await self.gate.open()
        await self.attendance.open()
        self.stations.listen(self.attendance.heard, self.attendance.note)

    def lease(self, ip: Ip, mac: Mac) -> None:
        """dnsmasq gives the station an address, and the kernel hears it there."""
        known = self.lease_file.read_text() if self.lease_file.exists() else ""
        self.lease_file.write_text(known + f"1795426988 {mac} {ip} a-name 01:{mac}\n")
        self.kernel.table[ip] = Neighbour(ip=ip, mac=mac, answers=True)

    async def ask(
        self,
        request_id: str,
        ip: Ip = ANNAS_IP,
        lead: str | None = "lead-1",
        seconds: int = 3600,
        method: str = "form",
    ) -> str:
        """The portal writes an admission request."""
        request = AdmissionRequest(
            request_id=request_id,
            ip=str(ip),
            lead_id=LeadId(lead) if lead else None,
            method=method,
            session_seconds=seconds,
        )
        await self.portal.write(admission.ask, request, self.clock)
        return request_id

    async def told(self) -> list[Event]:
        """What stands in the outbox, after the gate has copied its events there."""
        await self.gate.copy_events()
        queued = await self.records.read(outbox.pending, 0, 1000)
        return [each.event for each in queued]

    portal: Records


@asynccontextmanager
async def running(
    home: Path,
    clock: FakeClock,
    kernel: FakeKernel | None = None,
    limits: Mapping[str, int | str] | None = None,
    codes: RoamingCodes | None = None,
) -> AsyncIterator[GatedStore]:
    """A gate over the files in `home`, opened; `limits`: settings of that section.

    Leaving is like `kill -9`: nothing is written at the end.
    """
    migrate(home / "records.db")
    records = await open_records(home / "records.db", "gate")
    store = GatedStore(home, clock, kernel or FakeKernel(clock), records, limits, codes)
    store.portal = await open_records(home / "records.db", "portal")
    try:
        await store.open()
        yield store
    finally:
        await store.database.close()
        await store.portal.close()
        await records.close()
