"""How often, and how many at once."""

from sync.rate import RateLimit, Turnstile
from tests.clock import FakeClock


def test_a_burst_is_allowed_then_a_pace() -> None:
    clock = FakeClock()
    limit = RateLimit(burst=3, refill_seconds=2, seconds=clock.boottime)
    assert [limit.take("box") for _ in range(4)] == [0, 0, 0, 2]
    assert limit.take("another") == 0
    clock.advance(2)
    assert limit.take("box") == 0
    assert limit.take("box") == 2


def test_a_crowd_of_names_takes_no_more_memory() -> None:
    clock = FakeClock()
    limit = RateLimit(burst=2, refill_seconds=1, seconds=clock.boottime, keys=100)
    for number in range(1000):
        limit.take(f"name-{number}")
    assert len(limit) == 100


def test_a_full_house_turns_away_until_somebody_leaves() -> None:
    door = Turnstile(2)
    assert [door.enter() for _ in range(3)] == [True, True, False]
    door.leave()
    assert door.enter()


def test_one_guest_cannot_fill_the_house() -> None:
    door = Turnstile(4, of_one=2)
    assert [door.enter("anna") for _ in range(3)] == [True, True, False]
    assert door.enter("ben")
    door.leave("anna")
    assert door.enter("anna")
