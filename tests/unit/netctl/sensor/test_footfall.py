"""How many devices there were, on the clock of the frames."""

import csv
import random
from itertools import takewhile
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from netctl.sensor.device_id import DeviceIds
from netctl.sensor.footfall import Footfall
from netctl.sensor.pcap import read_frames
from netctl.sensor.probe_request import ProbeRequestParser, Sighting
from netctl.sensor.window import Count
from tests.lab.radio import MODELS, Model, Phone, air

NOON = 1_700_000_100.0
"""The beginning of a window of five minutes."""


def footfall(**settings: Any) -> Footfall:
    return Footfall(DeviceIds(ZoneInfo("UTC")), **settings)


def heard(*phones: Phone, seconds: float = 300.0, began: float = NOON) -> list[Sighting]:
    """What these phones send while they stay, in order."""
    parser = ProbeRequestParser()
    sightings: list[Sighting] = []
    for place, phone in enumerate(phones):
        at = began + 1 + 2.9 * place
        while at < began + seconds - 12:
            for frame_at, frame in phone.scan(at):
                sighting = parser.parse(frame, frame_at)
                assert isinstance(sighting, Sighting)
                sightings.append(sighting)
            at = phone.next_scan(at)
    return sorted(sightings)


def counted(sightings: list[Sighting], **settings: Any) -> list[Count]:
    estimator = footfall(**settings)
    counts = [count for sighting in sightings for count in estimator.hear(sighting)]
    return counts + estimator.finish()


def phone(model: Model, seed: int = 1, signal_dbm: float = -50.0) -> Phone:
    return Phone(model, random.Random(seed), signal_dbm)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
def test_one_phone_of_any_model_is_one_device_whatever_it_calls_itself(model: Model) -> None:
    sightings = heard(phone(model), seconds=1800)
    counts = counted(sightings)
    assert [count.devices for count in counts] == [1] * 6
    assert all(count.low <= 1 <= count.high for count in counts)
    if model.makes_up_addresses:
        assert sum(count.naive_macs for count in counts) > 20
    assert sum(count.frames for count in counts) == len(sightings)


def test_five_models_are_five_devices() -> None:
    phones = [phone(model, seed, -50 - 3 * seed) for seed, model in enumerate(MODELS)]
    assert [count.devices for count in counted(heard(*phones, seconds=900))] == [5, 5, 5]


def test_three_phones_of_one_model_are_told_apart_by_their_counters() -> None:
    phones = [phone(MODELS[0], seed, -50) for seed in range(3)]
    counts = counted(heard(*phones, seconds=1800))
    assert all(abs(count.devices - 3) <= 1 for count in counts)
    assert counts[-1].devices == 3


def test_who_is_heard_strongly_is_inside_and_the_others_pass_by() -> None:
    phones = [phone(MODELS[0], 1, -50), phone(MODELS[3], 2, -80), phone(MODELS[4], 3, -78)]
    (count,) = counted(heard(*phones), inside_dbm=-65)
    assert (count.devices, count.inside, count.passers_by) == (3, 1, 2)


def test_windows_follow_the_clock_and_an_empty_one_says_nobody() -> None:
    sightings = heard(phone(MODELS[4])) + heard(phone(MODELS[4]), began=NOON + 900)
    counts = counted(sightings)
    assert [count.started_at for count in counts] == [NOON, NOON + 300, NOON + 600, NOON + 900]
    assert [count.devices for count in counts] == [1, 0, 0, 1]


def test_silence_of_weeks_is_not_filled_with_windows() -> None:
    sightings = heard(phone(MODELS[4])) + heard(phone(MODELS[4]), began=NOON + 30 * 86_400)
    assert [count.devices for count in counted(sightings)] == [1, 1]


def test_the_clock_alone_ends_a_window() -> None:
    estimator = footfall()
    for sighting in heard(phone(MODELS[4])):
        estimator.hear(sighting)
    (count,) = estimator.advance(NOON + 300)
    assert count.devices == 1
    assert estimator.advance(NOON + 400) == []


def test_the_window_going_on_can_be_read() -> None:
    estimator = footfall()
    assert estimator.running() is None
    for sighting in heard(phone(MODELS[4])):
        estimator.hear(sighting)
    estimator.advance(NOON + 299)
    running = estimator.running()
    assert running is not None
    assert (running.started_at, running.devices) == (NOON, 1)


def test_a_clock_set_back_ends_the_window_and_counting_goes_on() -> None:
    estimator = footfall()
    counts: list[Count] = []
    for sighting in heard(phone(MODELS[4])) + heard(phone(MODELS[4]), began=NOON - 86_400):
        counts += estimator.hear(sighting)
    counts += estimator.finish()
    assert [(count.started_at, count.devices) for count in counts] == [(NOON, 1), (NOON - 86_400, 1)]


def test_a_stay_is_told_when_it_has_ended_and_one_scan_is_no_stay() -> None:
    estimator = footfall()
    walks_past = heard(phone(MODELS[0], 7), seconds=40)
    counts: list[Count] = []
    for sighting in sorted(heard(phone(MODELS[4]), seconds=700) + walks_past):
        counts += estimator.hear(sighting)
    counts += estimator.advance(NOON + 1800)
    assert [count.dwell_histogram for count in counts if count.dwell_histogram] == [{"900": 1}]


def test_the_same_frames_give_the_same_counts() -> None:
    sightings = heard(*(phone(model, seed) for seed, model in enumerate(MODELS)), seconds=900)
    assert counted(sightings) == counted(sightings)


def test_a_flood_of_made_up_addresses_takes_bounded_memory_and_spoils_only_its_own_window() -> None:
    chance = random.Random(5)
    quiet = heard(*(phone(model, seed) for seed, model in enumerate(MODELS)), seconds=900)
    print_of_attacker = 42
    flood = [
        Sighting(
            NOON + 310 + index / 10_000, b"\x02" + chance.randbytes(5), index % 4096, -40, print_of_attacker
        )
        for index in range(100_000)
    ]
    estimator = footfall()
    counts: list[Count] = []
    for sighting in sorted(quiet + flood):
        counts += estimator.hear(sighting)
    counts += estimator.finish()
    assert [count.capped for count in counts] == [False, True, False]
    assert counts[2].devices == 5
    assert len(estimator._association._by_address) <= 100_000
    assert len(estimator._association._tracks) <= 600
    assert not estimator._bursts.all()


def test_a_shop_full_of_phones_is_counted_better_than_by_its_addresses() -> None:
    parser = ProbeRequestParser()
    truth: dict[float, set[int]] = {}
    sightings: list[Sighting] = []
    for at, number, frame in takewhile(lambda each: each[0] < NOON + 3600, air(11, NOON)):
        sighting = parser.parse(frame, at)
        assert isinstance(sighting, Sighting)
        sightings.append(sighting)
        truth.setdefault(at // 300 * 300, set()).add(number)
    counts = counted(sightings)
    ours = sum(abs(count.devices - len(truth[count.started_at])) for count in counts)
    naive = sum(abs(count.naive_macs - len(truth[count.started_at])) for count in counts)
    within = sum(count.low <= len(truth[count.started_at]) <= count.high for count in counts)
    assert ours * 10 < naive
    assert within >= len(counts) - 3


def test_nine_real_phones_are_nine_give_or_take_one(confront: Path) -> None:
    with (confront / "capture_A.csv").open() as file:
        labels = [row["true_label"] for row in csv.DictReader(file)]
    parser = ProbeRequestParser()
    estimator = Footfall(DeviceIds(ZoneInfo("UTC")), keep_total=True)
    counts: list[Count] = []
    truth: dict[float, set[str]] = {}
    for (at, frame), label in zip(read_frames(confront / "capture_A.pcap"), labels, strict=True):
        sighting = parser.parse(frame, at)
        assert isinstance(sighting, Sighting)
        counts += estimator.hear(sighting)
        truth.setdefault(at // 300 * 300, set()).add(label)
    counts += estimator.finish()
    total = estimator.total()
    assert total is not None
    assert abs(total.devices - len(set(labels))) <= 1
    assert all(abs(count.devices - len(truth[count.started_at])) <= 1 for count in counts)
    assert total.naive_macs > 15 * len(set(labels))
