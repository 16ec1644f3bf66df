"""A pseudonym lasts until four in the morning, and nobody can go back from it."""

import hashlib
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from netctl.sensor.device_id import DeviceIds, day_of_key

SHANGHAI = ZoneInfo("Asia/Shanghai")
MAC = bytes.fromhex("02005e100001")


def at(hour: int, minute: int = 0, day: int = 23) -> float:
    return datetime(2026, 11, day, hour, minute, tzinfo=SHANGHAI).timestamp()


def test_a_device_keeps_its_pseudonym_through_the_day_and_past_midnight() -> None:
    ids = DeviceIds(SHANGHAI)
    assert ids.id_of(MAC, at(9)) == ids.id_of(MAC, at(23, 59)) == ids.id_of(MAC, at(3, 59, day=24))


def test_at_four_in_the_morning_of_the_store_it_gets_another() -> None:
    ids = DeviceIds(SHANGHAI)
    before = ids.id_of(MAC, at(3, 59))
    after = ids.id_of(MAC, at(4, 0))
    assert before != after
    assert after == ids.id_of(MAC, at(4, 1))


def test_the_old_key_is_gone() -> None:
    ids = DeviceIds(SHANGHAI)
    first = ids.id_of(MAC, at(3, 59))
    ids.id_of(MAC, at(4, 0))
    assert ids.id_of(MAC, at(3, 59)) != first


def test_two_boxes_do_not_agree_on_a_device() -> None:
    assert DeviceIds(SHANGHAI).id_of(MAC, at(9)) != DeviceIds(SHANGHAI).id_of(MAC, at(9))


def test_a_pseudonym_is_no_plain_hash_of_the_address() -> None:
    pseudonym = DeviceIds(SHANGHAI).id_of(MAC, at(9))
    assert len(pseudonym) == 6
    for name in ("md5", "sha1", "sha256", "blake2b", "blake2s"):
        assert not hashlib.new(name, MAC).digest().startswith(pseudonym)


def test_the_key_has_256_bits_of_chance() -> None:
    asked = []

    def entropy(octets: int) -> bytes:
        asked.append(octets)
        return bytes(octets)

    DeviceIds(SHANGHAI, entropy).id_of(MAC, at(9))
    assert asked == [32]


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "UTC", "Asia/Kathmandu"])
def test_every_moment_of_a_year_has_its_day_also_when_the_clocks_change(zone: str) -> None:
    timezone = ZoneInfo(zone)
    moment = datetime(2026, 1, 1, tzinfo=timezone).timestamp()
    for _ in range(366 * 4):
        began, ends = day_of_key(moment, timezone)
        assert began <= moment < ends
        assert datetime.fromtimestamp(began, timezone).hour == 4
        assert timedelta(hours=23) <= timedelta(seconds=ends - began) <= timedelta(hours=25)
        moment += 6 * 3600 + 1
