"""The journal of sessions, which the legal log reads."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

from netctl.api import JournalLine
from netctl.gate.gate import KEPT_FOR
from tests.clock import FakeClock
from tests.unit.netctl.gated_store import ANNA, ANNAS_IP, GatedStore, running


async def first(lines: AsyncIterator[JournalLine], count: int) -> list[JournalLine]:
    return [await anext(lines) for _ in range(count)]


async def a_session_from_beginning_to_end(store: GatedStore, clock: FakeClock) -> None:
    store.lease(ANNAS_IP, ANNA)
    await store.ask("request-1", lead="lead-1")
    await store.gate.admit("request-1", ANNAS_IP)
    clock.advance(60)
    await store.gate.save()
    await store.ask("request-2", lead="lead-1")
    await store.gate.admit("request-2", ANNAS_IP)
    await store.gate.sign_out(ANNAS_IP)


async def test_what_became_of_a_session_is_told_once_with_the_station_it_was(tmp_path: Path) -> None:
    clock = FakeClock()
    async with running(tmp_path, clock) as store:
        began_at = clock.now()
        await a_session_from_beginning_to_end(store, clock)
        lines = await first(store.desk.journal(0), 3)
        assert [line.what for line in lines] == ["started", "extended", "ended"]
        assert {(line.mac, line.lead_id, line.method) for line in lines} == {(ANNA, "lead-1", "form")}
        assert [lines[0].at, lines[2].at] == [began_at, began_at + timedelta(seconds=60)]
        assert [line.reason for line in lines] == [None, None, "signed_out"]
        assert [line.seq for line in await first(store.desk.journal(1), 2)] == [2, 3]


async def test_a_journal_begun_anew_is_told_from_its_beginning(tmp_path: Path) -> None:
    clock = FakeClock()
    async with running(tmp_path, clock) as store:
        await a_session_from_beginning_to_end(store, clock)
        (line,) = await first(store.desk.journal(4711), 1)
        assert line.seq == 1


async def test_lines_with_their_macs_die_after_a_week(tmp_path: Path) -> None:
    clock = FakeClock()
    async with running(tmp_path, clock) as store:
        await a_session_from_beginning_to_end(store, clock)
        clock.advance(KEPT_FOR.total_seconds() - 30)
        await store.gate.purge()
        (line,) = await first(store.desk.journal(0), 1)
        assert line.what == "extended"
