"""What a station did, kept short, and what it says about a portal that did not pop up."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netctl.api import Fact, Step, StepKind
from netctl.gate.trace import (
    LONGEST_DETAIL,
    MOST_STEPS,
    MOST_TIMES,
    Trace,
    from_text,
    noted,
    sentence,
    to_text,
)
from tests.clock import FakeClock
from tests.unit.netctl.fake_kernel import FakeKernel
from tests.unit.netctl.gate.test_server import listening
from tests.unit.netctl.gated_store import ANNA, ANNAS_IP, BENS_IP, running

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)
KINDS: list[StepKind] = ["joined", "lease", "check", "portal", "form", "admitted", "ended"]


def trace(*kinds: StepKind) -> Trace:
    made: Trace = ()
    for kind in kinds:
        made = noted(made, kind, NOW)
    return made


def test_what_comes_again_is_one_step_with_a_count_and_its_last_time() -> None:
    later = NOW + timedelta(minutes=5)
    made = noted(noted(trace("joined"), "check", NOW, "Apple"), "check", later, "Apple", count=3)
    assert made[1] == Step(step="check", at=NOW, detail="Apple", count=4, last_at=later)


@pytest.mark.parametrize("count", [2**63 - 1, 2**62])
def test_no_count_is_too_large_to_be_told_and_kept(count: int) -> None:
    """The portal names it, and from what is kept the next gate begins."""
    made = noted(trace("joined"), "check", NOW, "Apple", count)
    made = noted(noted(made, "check", NOW, "Apple", count), "check", NOW, "Apple", count)
    assert from_text(to_text(made))[1].count == MOST_TIMES


def test_two_that_take_turns_are_two_steps() -> None:
    made = trace("joined")
    for turn in range(20):
        made = noted(made, "check", NOW, ("Apple", "Google")[turn % 2])
    assert [(step.step, step.count) for step in made] == [("joined", 1), ("check", 10), ("check", 10)]


@given(st.lists(st.tuples(st.sampled_from(KINDS), st.text(max_size=100), st.integers(-5, 10**6))))
def test_a_trace_stays_short_and_begins_as_it_began(things: list[tuple[StepKind, str, int]]) -> None:
    made = trace("joined", "lease")
    for kind, detail, count in things:
        made = noted(made, kind, NOW, detail, count)
    assert len(made) <= MOST_STEPS
    assert (made[0].step, made[1].step) == ("joined", "lease")
    assert all(len(step.detail) <= LONGEST_DETAIL and step.count >= 1 for step in made)
    assert from_text(to_text(made)) == made


@pytest.mark.parametrize(
    ("kinds", "says"),
    [
        (["joined", "lease"], "No connectivity check came: private DNS or a VPN"),
        (["joined", "lease", "check"], "did not open it"),
        (["joined", "lease", "check", "portal"], "The form was not sent"),
        (["joined", "lease", "portal", "form"], ""),
    ],
)
def test_the_likely_reason_is_named(kinds: list[StepKind], says: str) -> None:
    said = sentence(trace(*kinds), captive=True, present=True)
    assert said.lower().find(says.lower()) >= 0
    assert bool(said) == bool(says)


def test_without_an_address_of_ours_that_is_the_reason() -> None:
    """Though its packets are seen, and led to the portal: those of a fixed address are."""
    for seen in (trace("joined"), trace("joined", "check", "portal")):
        assert "no address of ours" in sentence(seen, captive=True, present=True)


def test_of_who_is_not_here_nothing_is_said_but_that() -> None:
    assert "not here" in sentence((), captive=True, present=False)


def test_whose_session_ended_needs_no_reason() -> None:
    assert sentence(trace("joined", "lease", "admitted", "ended"), captive=True, present=True) == ""


def test_who_is_admitted_needs_no_reason_unless_there_are_two_of_them() -> None:
    assert sentence(trace("joined", "admitted"), captive=False, present=True) == ""
    assert "Another device" in sentence(trace("admitted", "cloned"), captive=False, present=True)


async def test_a_shoppers_way_through_the_gate_is_told_step_by_step(tmp_path: Path) -> None:
    async with listening(tmp_path) as (store, client):
        store.lease(ANNAS_IP, ANNA)
        await store.stations.look_for_new_leases()
        facts = [
            Fact(ip=ANNAS_IP, step="check", detail="Apple", count=2),
            Fact(ip=ANNAS_IP, step="portal"),
            Fact(ip=ANNAS_IP, step="form"),
            Fact(ip=BENS_IP, step="check"),
        ]
        assert await client.seen(facts) == 3
        await store.ask("request-1", seconds=600)
        await client.admit(request_id="request-1", ip=ANNAS_IP)
        await client.sign_out(ANNAS_IP)
        (seen,) = await client.stations()
        assert [(step.step, step.detail) for step in seen.steps] == [
            ("joined", ""),
            ("lease", "10.77.0.11"),
            ("check", "Apple"),
            ("portal", ""),
            ("form", ""),
            ("admitted", "form"),
            ("ended", "signed_out"),
        ]
        assert (seen.captive, seen.why, seen.session) == (True, "signed_out", None)
        (status,) = (await client.status(ANNA)).stations
        assert status.steps == seen.steps


async def test_who_comes_back_with_the_lease_of_before_has_an_address(tmp_path: Path) -> None:
    async with running(tmp_path, FakeClock()) as store:
        store.lease(ANNAS_IP, ANNA)
        await store.stations.look_for_new_leases()
        await store.attendance.write_joins()
        store.clock.advance(301)
        await store.attendance.sweep()
        assert store.attendance.stay_of(ANNA) is None
        await store.stations.look_for_new_leases()
        steps = [(step.step, step.detail, step.count) for step in store.attendance.heard(ANNA).steps]
        assert steps == [("joined", "", 1), ("lease", "10.77.0.11", 1)]


async def test_a_restart_keeps_the_traces_and_a_leave_ends_them(tmp_path: Path) -> None:
    clock = FakeClock()
    kernel = FakeKernel(clock)
    async with running(tmp_path, clock, kernel) as store:
        store.attendance.heard(ANNA)
        store.attendance.note(ANNA, "check", "Apple")
        await store.attendance.write_joins()
        store.attendance.note(ANNA, "portal")
        await store.attendance.save()
    async with running(tmp_path, clock, kernel) as store:
        (stay,) = store.attendance.stays()
        assert [step.step for step in stay.steps] == ["joined", "check", "portal"]
        clock.advance(301)
        await store.attendance.sweep()
        store.attendance.note(ANNA, "form")
        assert [step.step for step in store.attendance.heard(ANNA).steps] == ["joined"]


async def test_who_is_refused_finds_that_in_the_trace(tmp_path: Path) -> None:
    async with running(tmp_path, FakeClock(), limits={"passes_a_day": 1}) as store:
        store.lease(ANNAS_IP, ANNA)
        store.attendance.heard(ANNA)
        await store.gate.set_device(ANNA, "blocked", "a nuisance")
        await store.ask("request-1")
        await store.waiting.look()
        await store.waiting.look()
        stay = store.attendance.stay_of(ANNA)
        assert stay is not None
        assert [(step.step, step.detail, step.count) for step in stay.steps[2:]] == [
            ("refused", "blocked", 2)
        ]
