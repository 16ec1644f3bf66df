"""A store's owner at her laptop: the whole portal over loopback, which is her network."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiohttp import ClientResponse
from aiohttp.test_utils import TestClient, TestServer

from netctl.api import Device, DeviceKind, Health, Session, StationSeen
from netctl.client import GateClient, GateRefused, GateUnavailable
from portal.app import make_app
from portal.owner_door import DOOR, Door
from sync.config import Config
from sync.passwords import Passwords, matches
from sync.records import Records, migrate, open_records, owner_account
from tests.clock import FakeClock

PASSWORD = "correct horse battery"


class CountedPasswords(Passwords):
    """Counts how often a hash was computed."""

    def __init__(self) -> None:
        super().__init__(self._look_at)
        self.looked_at = 0

    def _look_at(self, password_hash: str | None, password: str) -> bool:
        self.looked_at += 1
        return matches(password_hash, password)


class StillGate(GateClient):
    """Says how it is, or nothing. `here` and `listed` are who is on the WiFi and on the owner's list; `told`:
    what it was told to do; `refusal`: what it answers to that."""

    def __init__(self) -> None:
        super().__init__(Path("/nowhere"))
        self.says: Health | None = Health(ok=True, compared_at=None, problems=())
        self.here: tuple[StationSeen, ...] = ()
        self.listed: tuple[Device, ...] = ()
        self.told: list[tuple[str, ...]] = []
        self.refusal: GateRefused | None = None

    async def stations(self) -> tuple[StationSeen, ...]:
        await self.health()
        return self.here

    async def devices(self) -> tuple[Device, ...]:
        return self.listed

    async def expel(self, station: str, *, deauthenticate: bool = True) -> Session:
        self._tell("expel", station, "deauthenticate" if deauthenticate else "")
        return Session(
            session_id="s",
            lead_id=None,
            method="form",
            started_at=FakeClock().now(),
            seconds_granted=60,
            seconds_left=0,
            bytes_up=0,
            bytes_down=0,
        )

    async def set_device(self, station: str, kind: DeviceKind, name: str) -> Device:
        self._tell(kind, station, name)
        now = FakeClock().now()
        return Device(device_id="d", kind=kind, name=name, station_code=station, added_at=now)

    async def forget_device(self, device_id: str) -> Device:
        self._tell("forget", device_id)
        return next(device for device in self.listed if device.device_id == device_id)

    def _tell(self, *what: str) -> None:
        if self.refusal is not None:
            raise self.refusal
        self.told.append(what)

    async def health(self) -> Health:
        if self.says is None:
            raise GateUnavailable("nobody answers")
        return self.says


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnersStore:
    """One store and its owner's browser."""

    client: TestClient[Any, Any]
    records: Records
    path: Path
    clock: FakeClock
    gate: StillGate
    passwords: CountedPasswords

    async def sign_in(self, password: str = PASSWORD, **headers: str) -> ClientResponse:
        return await self.client.post(
            "/owner/sign-in", data={"password": password}, headers=headers, allow_redirects=False
        )

    async def form_token(self) -> str:
        """The hidden field of the page she looks at."""
        page = await (await self.client.get("/owner/password")).text()
        return page.partition('name="form_token" value="')[2].partition('"')[0]

    async def page(self, path: str, language: str = "en") -> str:
        """A page of hers, whole."""
        answer = await self.client.get(path, headers={"Accept-Language": language}, allow_redirects=False)
        assert answer.status == 200, (answer.status, answer.headers.get("Location"))
        return await answer.text()

    async def press(self, path: str, **fields: str) -> ClientResponse:
        """One of her buttons, with the hidden field of her session unless another is given."""
        data = {"form_token": await self.form_token(), **fields}
        return await self.client.post(path, data=data, allow_redirects=False)

    async def another_process(self, process: Any) -> Records:
        return await open_records(self.path, process)


@asynccontextmanager
async def open_store(
    folder: Path, *, password: str | None = PASSWORD, settings: Mapping[str, Mapping[str, Any]] | None = None
) -> AsyncIterator[OwnersStore]:
    sections: dict[str, dict[str, Any]] = {
        "venue": {"data_dir": str(folder), "run_dir": str(folder)},
        "network": {"owner_address": "127.0.0.1/8"},
        "sensor": {"interfaces": ["wlan1"]},
    }
    for section, values in (settings or {}).items():
        sections.setdefault(section, {}).update(values)
    path = folder / "records.db"
    migrate(path)
    clock, gate, passwords = FakeClock(), StillGate(), CountedPasswords()
    records = await open_records(path, "portal")
    if password is not None:
        password_hash = await passwords.hash(password)
        await records.write(owner_account.set_password_hash, password_hash, clock.now())
    app = make_app(Config.parse(sections), records, gate, clock)
    app[DOOR] = Door(passwords, clock.boottime)
    async with TestClient(TestServer(app)) as client:
        yield OwnersStore(
            client=client, records=records, path=path, clock=clock, gate=gate, passwords=passwords
        )
    await records.close()
