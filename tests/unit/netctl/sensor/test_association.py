"""Which bursts under made-up addresses come from the same device."""

import random
from itertools import count

import pytest

from netctl.sensor.association import Association, Link
from netctl.sensor.bursts import Burst
from netctl.sensor.device_id import DeviceId
from netctl.sensor.probe_request import Sighting

NUMBERS = count(1)
PHONE, OTHER_MODEL = 10, 20


def burst(
    at: float,
    sequence: int,
    *,
    signal_dbm: int = -50,
    fingerprint: int = PHONE,
    address: bytes | None = None,
    vendor: bool = False,
    seconds: float = 0.1,
) -> Burst:
    number = next(NUMBERS)
    mac = (b"\xf4\xf5\xe8" if vendor else b"\x02\x00\x00") + number.to_bytes(3, "big")
    first = Sighting(at, mac, sequence, signal_dbm, fingerprint)
    made = Burst(number, DeviceId(address or mac), first)
    made.extend(first._replace(at=at + seconds, sequence=(sequence + 2) % 4096))
    return made


def devices(association: Association, *bursts: Burst) -> list[int]:
    return [linked(association, each).track.number for each in bursts]


def linked(association: Association, each: Burst) -> Link:
    link = association.link(each)
    assert link is not None
    return link


def taught(*, goes_on: bool) -> Association:
    """It has followed one phone of the model for a while."""
    association = Association()
    chance = random.Random(1)
    sequence = 100
    for scan in range(15):
        association.link(burst(-900 + 60.0 * scan, sequence))
        sequence = sequence + 20 if goes_on else chance.randrange(4096)
    association.forget(0.0 + 700)
    return association


def test_an_address_heard_before_is_the_same_device() -> None:
    first, again = burst(0, 5, address=b"same"), burst(100, 3000, signal_dbm=-80, address=b"same")
    here, there = devices(Association(), first, again)
    assert here == there


def test_a_counter_that_goes_on_is_the_same_device_also_when_it_wraps() -> None:
    association = taught(goes_on=True)
    assert len(set(devices(association, burst(0, 4080), burst(60, 4), burst(120, 30)))) == 1


def test_where_counters_go_on_one_that_does_not_is_another_device() -> None:
    association = taught(goes_on=True)
    assert len(set(devices(association, burst(0, 1000), burst(60, 3000)))) == 2


def test_two_that_were_taken_for_one_part_when_both_counters_go_on() -> None:
    association = Association()
    sequences = [100, 2000]
    numbers: list[list[int]] = [[], []]
    for scan in range(20):
        for phone in (0, 1):
            each = burst(60.0 * scan + 5 * phone, sequences[phone])
            numbers[phone].append(linked(association, each).track.number)
            sequences[phone] += 25
    assert numbers[0][-1] == numbers[0][-5] != numbers[1][-1] == numbers[1][-5]


def test_where_counters_start_anew_strength_and_time_must_do() -> None:
    association = taught(goes_on=False)
    near, again = burst(0, 10, signal_dbm=-50), burst(8, 3000, signal_dbm=-51)
    one, same = devices(association, near, again)
    assert one == same


def test_who_speaks_at_the_same_time_is_not_the_same() -> None:
    association = taught(goes_on=False)
    one, other = devices(association, burst(0, 10, seconds=5), burst(2, 14))
    assert one != other


def test_other_models_are_other_devices() -> None:
    one, other = devices(Association(), burst(0, 10), burst(5, 12, fingerprint=OTHER_MODEL))
    assert one != other


def test_one_burst_under_two_fingerprints_makes_the_models_one() -> None:
    association = Association()
    both = burst(60, 40)
    both.fingerprints.add(OTHER_MODEL)
    numbers = devices(association, burst(0, 10), both, burst(120, 70, fingerprint=OTHER_MODEL))
    assert len(set(numbers)) == 1


def test_two_addresses_of_vendors_are_two_devices() -> None:
    one, other = devices(Association(), burst(0, 10, vendor=True), burst(5, 14, vendor=True))
    assert one != other


def test_a_device_unheard_for_ten_minutes_is_forgotten() -> None:
    association = Association()
    (number,) = devices(association, burst(0, 10, address=b"same"))
    assert association.forget(590) == []
    assert [track.number for track in association.forget(611)] == [number]
    assert devices(association, burst(700, 12, address=b"same")) != [number]


@pytest.mark.parametrize("fingerprints", [1, 100_000])
def test_a_flood_is_not_followed_and_not_remembered(fingerprints: int) -> None:
    association = Association()
    followed = sum(
        association.link(burst(index / 20_000, index % 4096, fingerprint=index % fingerprints)) is not None
        for index in range(40_000)
    )
    assert 0 < followed <= 1200
    association.forget(1000)
    assert len(association._families) <= 4096
    assert not association._by_address
