"""A store with a made-up day behind it, its pages running: for pictures and for a look while designing."""

import math
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from aiohttp import web

from netctl.api import Device, Health, Ip, Session, Station, StationSeen, Step, StepKind
from netctl.client import GateClient
from portal.app import make_app
from sync.config import Config
from sync.model import new_event, new_id
from sync.passwords import Passwords
from sync.records import (
    Records,
    follow,
    follow_staff,
    footfall,
    leads,
    migrate,
    notices,
    open_records,
    outbox,
    owner_account,
    upload_state,
    visits,
)
from sync.records.follow import FollowAccount, FollowCode
from sync.records.follow_staff import Board, Credit, Member
from sync.records.footfall import FootfallWindow
from sync.records.leads import Agreement, Registration
from sync.records.visits import Visit
from tests.clock import FakeClock

PASSWORD = "a password for pictures"
NOW = datetime(2026, 11, 21, 8, 42, 30, tzinfo=UTC)
"""A Saturday afternoon, 16:42:30 in Shanghai."""
OPENS, CLOSES = 9.5, 21.5
WINDOW = timedelta(minutes=5)
# Two addresses of loopback stand for the two networks.
_GUESTS, _OWNERS = "127.0.0.1", "127.0.0.2"


class OpenGate(GateClient):
    """A gate that is well and knows one station."""

    def __init__(self, *, on_pass: bool = False) -> None:
        super().__init__(Path("/nowhere"))
        self._on_pass = on_pass

    async def health(self) -> Health:
        return Health(ok=True, compared_at=NOW, problems=())

    async def station(self, ip: Ip) -> Station:
        if not self._on_pass:
            return Station(ip=ip, station_code="KAFE", captive=True, session=None, passes_left=3)
        session = Session(
            session_id="s",
            lead_id=None,
            method="temporary_pass",
            started_at=NOW - timedelta(minutes=1),
            seconds_granted=300,
            seconds_left=240,
            bytes_up=0,
            bytes_down=0,
        )
        return Station(ip=ip, station_code="KAFE", captive=False, session=session, passes_left=2)

    async def stations(self) -> tuple[StationSeen, ...]:
        session = Session(
            session_id="s",
            lead_id=None,
            method="form",
            started_at=NOW - timedelta(minutes=38),
            seconds_granted=43_200,
            seconds_left=40_920,
            bytes_up=0,
            bytes_down=0,
        )
        came_in = (_step("joined", 40), _step("portal", 39), _step("form", 38, "sent"), _step("admitted", 38))
        waits = (_step("joined", 9), _step("lease", 9), _step("check", 9, "Apple", 12))
        return (
            StationSeen(station_code="KAFE", present=True, captive=True, why="new", steps=waits),
            StationSeen(
                station_code="MILK",
                present=True,
                captive=False,
                why="admitted",
                steps=came_in,
                session=session,
            ),
            StationSeen(station_code="TILL", present=True, captive=False, why="allowed", steps=()),
        )

    async def devices(self) -> tuple[Device, ...]:
        added_at = NOW - timedelta(days=30)
        till = Device(device_id=new_id(), kind="allowed", name="Till", station_code="TILL", added_at=added_at)
        return (till,)


def _step(kind: StepKind, minutes_ago: int, detail: str = "", count: int = 1) -> Step:
    return Step(step=kind, at=NOW - timedelta(minutes=minutes_ago), detail=detail, count=count)


def config(folder: Path, *, radio: bool = True) -> Config:
    """A tea house in Shanghai."""
    return Config.parse(
        {
            "venue": {"name": "Lantern Tea House", "data_dir": str(folder), "run_dir": str(folder)},
            "network": {"owner_address": f"{_OWNERS}/8"},
            "sensor": {"interfaces": ["wlan1"] if radio else []},
            "sync": {"head_office_url": "https://head-office.example"},
        }
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Addresses:
    """Where the pages answer shoppers, and where the owner, whose network it is. `clock` is the box's."""

    guests: str
    owner: str
    clock: FakeClock


@asynccontextmanager
async def open_store(folder: Path, *, kind: str = "busy") -> AsyncIterator[Addresses]:
    """The pages, running. `kind`: busy, new (nothing has happened), trouble, no_radio, or follow_pass (the
    shopper has a few minutes to follow)."""
    migrate(folder / "records.db")
    clock = FakeClock()
    clock.wall = NOW
    records = await open_records(folder / "records.db", "portal")
    if kind != "new":
        await _make_up(folder, records, kind)
    if kind in ("busy", "follow_pass"):
        await _make_follows(folder, clock)
    password_hash = await Passwords().hash(PASSWORD)
    await records.write(owner_account.set_password_hash, password_hash, NOW)
    gate = OpenGate(on_pass=kind == "follow_pass")
    runner = web.AppRunner(make_app(config(folder, radio=kind != "no_radio"), records, gate, clock))
    await runner.setup()
    for address in (_GUESTS, _OWNERS):
        await web.TCPSite(runner, address, 0).start()
    guests, owner = (f"http://{address}:{port}" for address, port in runner.addresses)
    try:
        yield Addresses(guests=guests, owner=owner, clock=clock)
    finally:
        await runner.cleanup()
        await records.close()


async def _make_up(folder: Path, portal: Records, kind: str) -> None:
    chance = random.Random(7)
    sensor = await open_records(folder / "records.db", "sensor")
    start = NOW.replace(hour=16, minute=0, second=0) - timedelta(days=2)
    for number in range(int((NOW - start) / WINDOW) + 1):
        await _five_minutes(sensor, portal, start + number * WINDOW, chance, radio=kind != "no_radio")
    await sensor.close()
    uploader = await open_records(folder / "records.db", "sync")
    sent = await uploader.read(outbox.pending, 0, 1_000_000)
    await uploader.write(outbox.acknowledge, sent[-1].seq)
    await uploader.write(upload_state.succeeded, sent[-1].seq, NOW - timedelta(seconds=12))
    if kind == "trouble":
        await _make_trouble(uploader)
    await uploader.close()


async def _make_follows(folder: Path, clock: FakeClock) -> None:
    """What head office says of follows, as sync writes it down."""
    sync = await open_records(folder / "records.db", "sync")
    accounts = (
        ("tea", "wechat", "Lantern Tea House", ""),
        ("tea-line", "line", "Lantern Tea", ""),
        ("tea-fb", "facebook", "Lantern Tea House", "https://facebook.example/lantern"),
    )
    offered = [
        FollowAccount(
            account=account,
            platform=platform,
            title=title,
            proof="claimed" if link else "verified",
            poster_url=None if link else "http://weixin.qq.com/q/02aBcDeFgHiJkLmNoPqRsT",
            link=link or None,
        )
        for account, platform, title, link in accounts
    ]
    await sync.write(follow.set_accounts, offered)
    for account, url in (("tea", "http://weixin.qq.com/q/02"), ("tea-line", "https://line.me/R/oaMessage/")):
        code = FollowCode(
            ref="Zk3", code="482913", url=f"{url}aBcDeFgHiJkLmNoPqRsT", expires_at=NOW + timedelta(days=30)
        )
        await sync.write(follow.add_codes, account, [code])
    names = ("Mei Lin", "Bo Wang", "Xiaoyu")
    badge = "http://weixin.qq.com/q/02kLmNoPqRsTuVwXyZ"
    members = [Member(staff_ref=name[:3].lower(), name=name, poster_url=badge) for name in names]
    await sync.write(follow_staff.set_members, members)
    for week, most in (("2026-W46", 31), ("2026-W47", 24)):
        rows = tuple(
            Credit(name=name, follows=most - 9 * place, registrations=7 - 2 * place)
            for place, name in enumerate(names)
        )
        await sync.write(follow_staff.set_board, Board(week=week, rows=rows), clock)
    await sync.close()


async def _make_trouble(uploader: Records) -> None:
    clock = FakeClock()
    clock.wall = NOW - timedelta(hours=2, minutes=40)
    for _ in range(312):
        await uploader.write(outbox.append, new_event("venue.started", {}, clock))
    await uploader.write(upload_state.failed, "connection refused by head-office.example:443", NOW)
    await uploader.write(
        notices.raise_notice, "sensor_frames_lost", "warning", "312 frames came too fast", clock
    )


async def _five_minutes(
    sensor: Records, portal: Records, start: datetime, chance: random.Random, *, radio: bool
) -> None:
    clock = FakeClock()
    clock.wall = start
    busy = _how_busy(start)
    inside = _about(26 * busy, chance)
    passers_by = _about(38 * busy + 1.5, chance)
    devices = inside + passers_by
    stations = _about(9 * busy, chance)
    window = FootfallWindow(
        footfall_id=new_id(),
        window_start=start,
        window_seconds=300,
        devices=devices if radio else None,
        low=math.floor(devices * 0.86) if radio else None,
        high=math.ceil(devices * 1.17) if radio else None,
        inside=inside if radio else None,
        passers_by=passers_by if radio else None,
        stations=stations,
        method="association",
        naive_macs=devices * 9,
        frames=devices * 40,
        inside_dbm=-65,
        estimator_version="1",
    )
    await sensor.write(footfall.record, window, complete=start + WINDOW <= NOW, clock=clock)
    for _ in range(_about(1.6 * busy, chance)):
        visit = Visit(
            visit_id=new_id(),
            session_id=None,
            lead_id=None,
            started_at=start,
            ended_at=start + timedelta(minutes=chance.lognormvariate(3.1, 0.6)),
        )
        if visit.ended_at < NOW:
            await sensor.write(visits.record, visit, 1, clock)
    if chance.random() < 0.35 * busy:
        await portal.write(leads.register, _registration(chance), clock)


def _how_busy(at: datetime) -> float:
    """From 0 (closed) to 1: a day with a rush at noon and one after work."""
    hour = (at.hour + at.minute / 60 + 8) % 24
    if not OPENS <= hour <= CLOSES:
        return 0.02
    peaks = math.exp(-((hour - 12.6) ** 2) / 2.4) + 1.1 * math.exp(-((hour - 18.5) ** 2) / 3.5)
    return min(1.0, 0.22 + 0.7 * peaks)


def _about(mean: float, chance: random.Random) -> int:
    return max(0, round(chance.gauss(mean, math.sqrt(mean) * 0.6)))


def _registration(chance: random.Random) -> Registration:
    return Registration(
        form_id=new_id(),
        ip="10.77.0.20",
        name=None,
        phone=f"+86138{chance.randrange(10**8):08}",
        email=None,
        locale="zh_CN",
        agreements=[Agreement(purpose="access_terms", version="1", language="en", text="Terms")],
        session_seconds=43200,
    )
