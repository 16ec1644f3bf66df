"""The box's side of the ordered log, against a real head office, and against what is none."""

import json
import socket
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from sync.commands import Commands, act_on_all
from sync.config import Config
from sync.conversation import Conversation
from sync.headoffice.server import serving
from sync.records import Records, command_log, grants, migrate, open_records, roaming
from sync.records.admission import AdmissionRequest
from sync.records.command_log import Command
from sync.records.roaming import RoamingRequest
from tests.clock import FakeClock
from tests.integration.sync.conftest import HeadOffice

WISH = RoamingRequest(request_id="wish-1", ip="10.77.0.11", code_sha256="a" * 64, contact="mei@example.com")
GRANT = {"grant_id": "grant-1", "request_id": "wish-1", "lead_id": "lead-1", "session_seconds": 600}


class Box:
    """A box of shop-1 that follows a log; `wake` is where its gate listens."""

    def __init__(
        self,
        records: Records,
        config: Config,
        http: aiohttp.ClientSession,
        clock: FakeClock,
        wake: socket.socket,
    ) -> None:
        self.records = records
        self.clock = clock
        self._wake = wake
        conversation = Conversation(config, http)
        self.commands = Commands(config, records, conversation, clock, wait_seconds=0, chance=lambda: 1.0)

    async def granted(self) -> list[AdmissionRequest]:
        return await self.records.read(grants.pending, self.clock)

    async def revoked(self) -> set[str]:
        return await self.records.read(grants.revoked)

    async def cursor(self) -> int:
        return await self.records.read(command_log.cursor)

    async def set_aside(self) -> list[tuple[str, str]]:
        return await self.records.read(
            lambda connection: [
                (row["kind"], row["reason"])
                for row in connection.execute("SELECT kind, reason FROM commands_set_aside ORDER BY seq")
            ]
        )

    def was_woken(self) -> bool:
        try:
            return self._wake.recv(1) == b""
        except BlockingIOError:
            return False


@pytest.fixture
def config(tmp_path: Path, head_office: HeadOffice) -> Config:
    (tmp_path / "upload_key").write_text(head_office.upload_key)
    return Config.parse(
        {
            "venue": {"id": "shop-1", "data_dir": str(tmp_path), "run_dir": str(tmp_path)},
            "sync": {"head_office_url": head_office.url, "upload_key_file": str(tmp_path / "upload_key")},
        }
    )


@pytest.fixture
async def portal(tmp_path: Path) -> AsyncIterator[Records]:
    migrate(tmp_path / "records.db")
    records = await open_records(tmp_path / "records.db", "portal")
    yield records
    await records.close()


@pytest.fixture
async def box(tmp_path: Path, portal: Records, config: Config, head_office: HeadOffice) -> AsyncIterator[Box]:
    records = await open_records(tmp_path / "records.db", "sync")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as wake:
        wake.bind(str(tmp_path / "wake.sock"))
        yield Box(records, config, head_office.http, head_office.clock, wake)
    await records.close()


async def _issue(head_office: HeadOffice, kind: str, body: dict[str, Any], **expiry: Any) -> int:
    return await head_office.storage.add_command(
        "shop-1", kind, body, expiry.get("expires_at"), head_office.clock.now()
    )


async def test_a_grant_becomes_a_request_the_gate_reads_and_the_gate_is_woken(
    box: Box, portal: Records, head_office: HeadOffice
) -> None:
    await portal.write(roaming.ask, WISH, box.clock)
    seq = await _issue(head_office, "grant", GRANT)
    await box.commands.step()
    [request] = await box.granted()
    assert (request.request_id, request.ip, request.lead_id) == ("wish-1", "10.77.0.11", "lead-1")
    assert (request.method, request.session_seconds) == ("roaming", 600)
    assert await box.cursor() == seq
    assert box.was_woken()


async def test_what_is_taken_back_is_taken_back(box: Box, portal: Records, head_office: HeadOffice) -> None:
    await portal.write(roaming.ask, WISH, box.clock)
    await _issue(head_office, "grant", GRANT)
    await _issue(head_office, "revoke", {"grant_id": "grant-1"})
    await box.commands.step()
    assert await box.granted() == []
    assert await box.revoked() == {"wish-1"}


async def test_an_empty_log_wakes_nobody(box: Box) -> None:
    assert await box.commands.step() <= 1.0
    assert not box.was_woken()


async def test_after_a_command_the_next_question_follows_at_once(box: Box, head_office: HeadOffice) -> None:
    await _issue(head_office, "revoke", {"grant_id": "grant-1"})
    assert await box.commands.step() == 0.0


@pytest.mark.parametrize(("chance", "wait"), [(0.0, 25), (0.5, 22), (0.99, 20)])
async def test_who_waited_in_vain_asks_again_at_once_and_no_two_wait_as_long(
    box: Box, config: Config, head_office: HeadOffice, chance: float, wait: int
) -> None:
    waits: list[int] = []

    async def answer(request: web.Request) -> web.Response:
        waits.append(int(request.query["wait"]))
        # In full at first, then cut short.
        box.clock.advance(waits[-1] if len(waits) == 1 else 3)
        return web.json_response({"commands": [], "after": 0})

    app = web.Application()
    app.router.add_get("/v1/venues/shop-1/commands", answer)
    async with serving(app) as url:
        elsewhere = replace(config, sync=replace(config.sync, head_office_url=url))
        conversation = Conversation(elsewhere, head_office.http)
        commands = Commands(elsewhere, box.records, conversation, box.clock, chance=lambda: chance)
        assert await commands.step() == 0.0
        assert await commands.step() == chance
    assert waits == [wait, wait]


async def test_a_grant_for_nobodys_request_opens_nothing(box: Box, head_office: HeadOffice) -> None:
    """An address is never taken from head office: the box knows itself who asked."""
    seq = await _issue(head_office, "grant", GRANT | {"ip": "10.77.0.66"})
    await box.commands.step()
    assert await box.granted() == []
    assert await box.cursor() == seq


async def test_a_command_that_comes_twice_changes_nothing(
    box: Box, portal: Records, head_office: HeadOffice
) -> None:
    await portal.write(roaming.ask, WISH, box.clock)
    grant = Command(
        seq=7, command_id="c-7", kind="grant", issued_at=box.clock.now(), expires_at=None, body=GRANT
    )
    again = replace(grant, body=GRANT | {"grant_id": "grant-2", "session_seconds": 9000})
    await box.records.write(act_on_all, [grant], box.clock)
    await box.records.write(act_on_all, [again], box.clock)
    [request] = await box.granted()
    assert request.session_seconds == 600
    assert await box.cursor() == 7


async def test_after_a_crash_in_between_nothing_is_half_done(
    box: Box, portal: Records, head_office: HeadOffice
) -> None:
    await portal.write(roaming.ask, WISH, box.clock)

    def crash(connection: Any, commands: list[Command]) -> None:
        act_on_all(connection, commands, box.clock)
        raise RuntimeError("the power is gone")

    grant = Command(
        seq=7, command_id="c-7", kind="grant", issued_at=box.clock.now(), expires_at=None, body=GRANT
    )
    with pytest.raises(RuntimeError):
        await box.records.write(crash, [grant])
    assert (await box.cursor(), await box.granted()) == (0, [])
    await box.records.write(act_on_all, [grant], box.clock)
    assert (await box.cursor(), len(await box.granted())) == (7, 1)


async def test_what_is_not_understood_is_kept_aside_and_the_rest_is_done(
    box: Box, portal: Records, head_office: HeadOffice
) -> None:
    await portal.write(roaming.ask, WISH, box.clock)
    await _issue(head_office, "dance", {"how": "slowly"})
    await _issue(head_office, "grant", GRANT | {"session_seconds": -5})
    await _issue(head_office, "revoke", {"grant": "grant-1"})
    last = await _issue(head_office, "grant", GRANT)
    await box.commands.step()
    assert await box.set_aside() == [
        ("dance", "unknown_kind"),
        ("grant", "session_seconds is not what it should be"),
        ("revoke", "grant_id is not what it should be"),
    ]
    assert len(await box.granted()) == 1
    assert await box.cursor() == last


async def test_a_command_whose_time_is_over_is_passed_over(
    box: Box, portal: Records, head_office: HeadOffice
) -> None:
    await portal.write(roaming.ask, WISH, box.clock)
    seq = await _issue(head_office, "grant", GRANT, expires_at=box.clock.now() + timedelta(seconds=10))
    box.clock.advance(10)
    await box.commands.step()
    assert (await box.granted(), await box.cursor()) == ([], seq)


async def test_a_wrong_clock_does_not_judge_what_is_too_late(
    box: Box, portal: Records, head_office: HeadOffice
) -> None:
    await portal.write(roaming.ask, WISH, box.clock)
    box.clock.is_synced = False
    await _issue(head_office, "grant", GRANT, expires_at=box.clock.now() - timedelta(days=9000))
    await box.commands.step()
    assert len(await box.granted()) == 1


def _answering(status: int, body: bytes) -> AbstractAsyncContextManager[str]:
    async def answers(_: web.Request) -> web.Response:
        return web.Response(status=status, body=body, headers={"Retry-After": "9"} if status == 429 else {})

    app = web.Application()
    app.router.add_route("*", "/{anything:.*}", answers)
    return serving(app)


_COMMAND = {
    "seq": 3,
    "command_id": "c",
    "kind": "revoke",
    "issued_at": "2026-11-23T08:00:00.000000Z",
    "expires_at": None,
    "body": {"grant_id": "grant-1"},
}


def _log(*commands: Any) -> bytes:
    return json.dumps({"commands": list(commands), "after": 9}).encode()


NONSENSE = {
    "a page": (200, b"<html>please sign in</html>"),
    "nothing": (200, b""),
    "no commands": (200, b'{"after": 3}'),
    "a number": (200, b'{"commands": 7}'),
    "no object": (200, _log("revoke")),
    "a word for a seq": (200, _log(_COMMAND | {"seq": "3"})),
    "done before": (200, _log(_COMMAND | {"seq": 0})),
    "out of order": (200, _log(_COMMAND | {"seq": 4}, _COMMAND)),
    "twice": (200, _log(_COMMAND, _COMMAND)),
    "no time": (200, _log(_COMMAND | {"issued_at": "yesterday"})),
    "a time without zone": (200, _log(_COMMAND | {"expires_at": "2026-11-23T08:00:00"})),
    "no body": (200, _log(_COMMAND | {"body": None})),
    "a number for a kind": (200, _log(_COMMAND | {"kind": 7})),
    "five megabytes": (200, b" " * 5_000_000),
    "moved": (302, b"{}"),
    "broken": (500, b"{}"),
}


@pytest.mark.parametrize("nonsense", NONSENSE)
async def test_nonsense_changes_nothing_and_is_asked_again_later(
    box: Box, config: Config, head_office: HeadOffice, nonsense: str
) -> None:
    async with _answering(*NONSENSE[nonsense]) as url:
        elsewhere = replace(config, sync=replace(config.sync, head_office_url=url))
        commands = Commands(
            elsewhere, box.records, Conversation(elsewhere, head_office.http), box.clock, chance=lambda: 1.0
        )
        assert [await commands.step() for _ in range(3)] == [1.0, 2.0, 4.0]
    assert (await box.cursor(), await box.set_aside()) == (0, [])
    assert not box.was_woken()


async def test_it_waits_as_long_as_head_office_asks(
    box: Box, config: Config, head_office: HeadOffice
) -> None:
    async with _answering(429, b"") as url:
        elsewhere = replace(config, sync=replace(config.sync, head_office_url=url))
        commands = Commands(
            elsewhere, box.records, Conversation(elsewhere, head_office.http), box.clock, chance=lambda: 1.0
        )
        assert await commands.step() == 10.0


async def test_a_gate_that_is_down_holds_nothing_up(
    box: Box, tmp_path: Path, head_office: HeadOffice
) -> None:
    (tmp_path / "wake.sock").unlink()
    seq = await _issue(head_office, "revoke", {"grant_id": "grant-1"})
    await box.commands.step()
    assert await box.cursor() == seq
