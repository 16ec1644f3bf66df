"""A count is never surer than it may be."""

import pytest

from netctl.sensor.association import Family, Track
from netctl.sensor.bursts import Burst
from netctl.sensor.device_id import DeviceId
from netctl.sensor.probe_request import Sighting
from netctl.sensor.rates import Rate, Rates
from netctl.sensor.window import Window, WindowSums, dwell_bound, estimate


def burst(number: int, signal_dbm: int | None = -50) -> Burst:
    sighting = Sighting(float(number), b"\x02" + number.to_bytes(5, "big"), 0, signal_dbm, 1)
    return Burst(number, DeviceId(sighting.mac), sighting)


def tracks(family: Family, followed: int, doubt: float = 0.0) -> dict[int, Track]:
    return {number: Track(number, family, burst(number), doubt) for number in range(followed)}


def rate(bursts: float, spread: float = 0.1, windows: float = 100.0) -> Rate:
    return Rate(bursts=bursts, windows=windows, spread=spread)


def test_a_device_alone_is_one_however_much_it_says() -> None:
    assert estimate(tracks(Family(1), 1), 500, rate(6)).devices == 1


def test_a_crowd_of_one_model_is_more_than_can_be_told_apart() -> None:
    crowd = estimate(tracks(Family(1), 8), 300, rate(6))
    assert 8 < crowd.devices < 50
    assert crowd.by_rate
    assert crowd.variance > 1


def test_addresses_from_a_vendors_block_are_one_device_each_however_much_they_say() -> None:
    family = Family(1)
    crowd = tracks(family, 12)
    for track in crowd.values():
        track.is_static = True
    assert estimate(crowd, 0, rate(1.05, spread=1.0, windows=0)).devices == 12
    mixed = crowd | {number + 20: track for number, track in tracks(family, 8).items()}
    assert 12 + 8 < estimate(mixed, 300, rate(6)).devices < 12 + 50


def test_a_rate_not_learnt_moves_the_count_less_than_a_learnt_one() -> None:
    sure = estimate(tracks(Family(1), 8), 300, rate(6, spread=0.1))
    vague = estimate(tracks(Family(1), 8), 300, rate(6, spread=1.0, windows=0))
    assert 8 < vague.devices < sure.devices
    assert not vague.is_learnt


def test_a_model_whose_counter_shows_its_way_is_not_guessed_at() -> None:
    family = Family(1)
    family._log_odds = 5.0
    assert estimate(tracks(family, 8), 300, rate(6)).devices == 8


def window_of(*signals_dbm: int | None) -> Window:
    window = Window(0.0)
    for number, signal_dbm in enumerate(signals_dbm):
        each = burst(number, signal_dbm)
        window.hear(each.device_id)
        window.note(each, Track(number, Family(number), each, 0.0))
    return window


def test_inside_are_those_at_or_above_the_level_and_unknown_strength_is_outside() -> None:
    count = window_of(-64, -65, -66, None).count(Rates(300), -65)
    assert (count.devices, count.inside, count.passers_by) == (4, 2, 2)


def test_nobody_is_nobody() -> None:
    count = Window(0.0).count(Rates(300), -65)
    assert (count.devices, count.low, count.high, count.inside, count.method) == (0, 0, 0, 0, "association")


def test_doubt_widens_the_interval() -> None:
    sure, doubtful = Window(0.0), Window(0.0)
    for number in range(6):
        each = burst(number)
        sure.note(each, Track(number, Family(number), each, 0.0))
        doubtful.note(each, Track(number, Family(number), each, 0.25))
    narrow, wide = sure.count(Rates(300), -65), doubtful.count(Rates(300), -65)
    assert wide.devices == narrow.devices == 6
    assert wide.high > narrow.high
    assert narrow.low == 6  # six models cannot be fewer than six devices


def test_more_addresses_than_can_be_kept_are_flagged() -> None:
    window = Window(0.0)
    for number in range(70_000):
        window.hear(DeviceId(number.to_bytes(6, "big")))
    assert window.capped
    assert len(window.addresses) == 65_536
    assert window.frames == 70_000


def test_a_whole_capture_is_as_much_more_than_was_followed_as_its_windows() -> None:
    sums = WindowSums(devices=30, followed=20)
    assert window_of(-50, -50, -50, -50, -50, -50, -50, -50).count_whole(sums, -65).devices == 12


@pytest.mark.parametrize(
    ("seconds", "bound"), [(0, "60"), (60, "60"), (61, "300"), (3600, "3600"), (3601, "inf")]
)
def test_a_stay_has_its_bar(seconds: float, bound: str) -> None:
    assert dwell_bound(seconds) == bound
