from portal.rate import RateLimit
from tests.clock import FakeClock


def test_a_burst_is_granted_then_one_each_refill() -> None:
    clock = FakeClock()
    limit = RateLimit(burst=3, refill_seconds=10, seconds=clock.boottime)
    assert [limit.take("a") for _ in range(4)] == [0, 0, 0, 10]
    clock.advance(9)
    assert round(limit.take("a"), 6) == 1
    clock.advance(1)
    assert limit.take("a") == 0
    assert limit.take("a") > 0
    clock.advance(10_000)
    assert [limit.take("a") for _ in range(4)] == [0, 0, 0, 10]


def test_one_who_tries_too_often_stops_nobody_else() -> None:
    limit = RateLimit(burst=1, refill_seconds=10, seconds=FakeClock().boottime)
    limit.take("a")
    assert limit.take("a") > 0
    assert limit.take("b") == 0


def test_strangers_without_end_take_no_memory_without_end() -> None:
    limit = RateLimit(burst=1, refill_seconds=10, seconds=FakeClock().boottime, keys=10)
    limit.take("first")
    for at in range(1000):
        limit.take(str(at))
    assert len(limit) == 10
    assert limit.take("first") == 0
