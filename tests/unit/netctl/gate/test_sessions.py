"""The wish and the truth: what must be done so that they agree, and what a session is worth after a boot."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from netctl.api import Mac
from netctl.gate.sessions import (
    RESTORED_SECONDS,
    Admit,
    Expel,
    LiveSession,
    Member,
    Step,
    Written,
    corrected,
    counted,
    ended,
    extended,
    plan,
    restored,
    why_over,
)

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)
UPTIME = 1000.0
ANNA = Mac("02:00:5e:10:00:01")


def session(mac: Mac = ANNA, seconds: float = 3600) -> LiveSession:
    return LiveSession(
        session_id=f"session of {mac}",
        mac=mac,
        lead_id="lead-1",
        method="form",
        started_at=NOW,
        seconds_granted=3600,
        expires=UPTIME + seconds,
    )


def member(seconds: int, mac: Mac = ANNA, up: int = 0, down: int = 0) -> Member:
    return Member(mac=mac, seconds_up=seconds, seconds_down=seconds, bytes_up=up, bytes_down=down)


def written(seconds_left: int, synced: bool = True, boot_id: str = "before") -> Written:
    return Written(
        session=session(),
        seconds_left=seconds_left,
        boot_id=boot_id,
        boottime=UPTIME,
        written_at=NOW,
        clock_synced=synced,
    )


def planned(sessions: list[LiveSession], members: dict[Mac, Member]) -> list[Step]:
    steps = plan({each.mac: each for each in sessions}, members, UPTIME)
    return [step for step in steps if step is not None]


def test_who_is_wished_and_missing_is_admitted() -> None:
    assert planned([session()], {}) == [Admit(mac=ANNA, seconds=3600, bytes_up=0, bytes_down=0)]


def test_who_is_admitted_in_one_direction_only_is_admitted_again_with_what_was_counted() -> None:
    half = replace(member(3600, up=10), seconds_down=None)
    assert planned([session()], {ANNA: half}) == [Admit(mac=ANNA, seconds=3600, bytes_up=10, bytes_down=0)]


def test_who_is_admitted_without_a_wish_is_expelled() -> None:
    assert planned([], {ANNA: member(100)}) == [Expel(mac=ANNA)]


def test_who_has_the_wrong_time_is_corrected() -> None:
    assert planned([session()], {ANNA: member(60, down=7)}) == [
        Admit(mac=ANNA, seconds=3600, bytes_up=0, bytes_down=7)
    ]


def test_a_second_of_rounding_is_left_alone() -> None:
    assert planned([session()], {ANNA: member(3599)}) == []


def test_a_session_that_is_over_is_not_wished() -> None:
    assert planned([session(seconds=0)], {ANNA: member(5)}) == [Expel(mac=ANNA)]


MACS = st.integers(0, 15).map(lambda n: Mac(f"02:00:00:00:00:{n:02x}"))
SECONDS = st.integers(-100, 100_000)
MEMBERS = st.dictionaries(MACS, st.tuples(st.none() | st.integers(1, 100_000), st.none() | SECONDS))


@given(st.dictionaries(MACS, SECONDS), MEMBERS)
def test_after_the_plan_the_kernel_admits_exactly_whom_the_sessions_say(
    wished: dict[Mac, int], there: dict[Mac, tuple[int | None, int | None]]
) -> None:
    sessions = [session(mac, seconds) for mac, seconds in wished.items()]
    members = {mac: Member(mac=mac, seconds_up=up, seconds_down=down) for mac, (up, down) in there.items()}
    after = carried_out(planned(sessions, members), members)
    assert set(after) == {mac for mac, seconds in wished.items() if seconds > 0}
    assert planned(sessions, after) == []


def carried_out(steps: list[Step], members: dict[Mac, Member]) -> dict[Mac, Member]:
    after = dict(members)
    for step in steps:
        if isinstance(step, Expel):
            del after[step.mac]
        else:
            after[step.mac] = member(step.seconds, step.mac)
    return after


def test_counters_never_go_back() -> None:
    known = replace(session(), bytes_up=100, bytes_down=5)
    fresh = counted(known, member(60, up=40, down=50))
    assert (fresh.bytes_up, fresh.bytes_down) == (100, 50)
    assert counted(known, None) == known


def test_a_restart_in_the_same_boot_takes_and_gives_nothing() -> None:
    later = restored(written(3600, boot_id="now"), "now", UPTIME + 100, NOW, synced=False)
    assert later.seconds_left(UPTIME + 100) == 3500


def test_with_right_clocks_the_time_without_power_counts() -> None:
    back = restored(written(3600), "now", 30, NOW + timedelta(minutes=10), synced=True)
    assert back.seconds_left(30) == 3000


def test_without_a_right_clock_half_an_hour_is_restored_and_the_rest_once_it_is_right() -> None:
    back = restored(written(3600), "now", 30, NOW + timedelta(seconds=5), synced=False)
    assert back.seconds_left(30) == RESTORED_SECONDS
    right = corrected(back, 90, NOW + timedelta(minutes=10))
    assert right.seconds_left(90) == 3000


def test_when_the_clock_was_wrong_before_the_power_cut_only_what_surely_passed_counts() -> None:
    back = restored(written(3600, synced=False), "now", 30, NOW, synced=False)
    assert corrected(back, 90, NOW + timedelta(days=400)).seconds_left(90) == 3600 - 90


def test_less_than_half_an_hour_is_not_made_more() -> None:
    assert restored(written(60), "now", 30, NOW, synced=False).seconds_left(30) == 60


@given(st.integers(1, 100_000), st.floats(0, 1e6), st.integers(-(10**7), 10**7), st.booleans(), st.booleans())
def test_no_boot_gives_anybody_more_than_was_left(
    left: int, uptime: float, off_seconds: int, synced_before: bool, synced_after: bool
) -> None:
    back = restored(
        written(left, synced_before), "now", uptime, NOW + timedelta(seconds=off_seconds), synced_after
    )
    assert back.seconds_left(uptime) <= left
    settled = corrected(back, uptime, NOW + timedelta(seconds=off_seconds))
    assert settled.seconds_left(uptime) <= left


def test_registering_again_never_shortens_a_session() -> None:
    assert extended(session(seconds=3600), 60, None, UPTIME).seconds_left(UPTIME) == 3600


def test_an_expired_session_ended_when_its_time_was_over_not_when_we_looked() -> None:
    over = ended(session(), "expired", UPTIME + 3605, NOW + timedelta(seconds=3605))
    assert (over.ended_at, over.duration_seconds) == (NOW + timedelta(hours=1), 3600)


def test_what_a_boot_took_is_called_so() -> None:
    back = restored(written(7200), "now", 30, NOW, synced=False)
    assert why_over(back) == "lost_at_reboot"
    assert why_over(session()) == "expired"
