"""How often a device is heard is learnt where it is quiet."""

import pytest

from netctl.sensor.rates import PRIOR_BURSTS, Rates


def test_before_anything_is_heard_the_prior_holds_and_is_vague() -> None:
    rate = Rates(300).of(1)
    assert rate.bursts == pytest.approx(PRIOR_BURSTS, rel=0.01)
    assert rate.windows == 0
    assert rate.spread >= 1


def test_a_shorter_window_hears_fewer_bursts_but_never_less_than_one_of_whom_it_hears() -> None:
    assert PRIOR_BURSTS / 5 < Rates(60).of(1).bursts < PRIOR_BURSTS / 2
    assert Rates(5).of(1).bursts == pytest.approx(1.05, rel=0.01)


def test_quiet_windows_teach_the_class_and_make_it_surer() -> None:
    rates = Rates(300)
    for _ in range(50):
        rates.learn(1, devices=2, bursts=40)
    assert rates.of(1).bursts == pytest.approx(20, rel=0.1)
    assert rates.of(1).spread < 0.3


def test_a_new_class_leans_on_what_the_store_has_heard() -> None:
    rates = Rates(300)
    for _ in range(50):
        rates.learn(1, devices=1, bursts=20)
    assert PRIOR_BURSTS < rates.of(2).bursts < 21
    assert rates.of(2).spread == Rates(300).of(2).spread


def test_a_crowd_teaches_nothing_nor_does_nobody() -> None:
    rates = Rates(300)
    rates.learn(1, devices=4, bursts=400)
    rates.learn(1, devices=0, bursts=400)
    assert rates.of(1) == Rates(300).of(1)


def test_old_days_fade() -> None:
    rates = Rates(300)
    for _ in range(1000):
        rates.learn(1, devices=1, bursts=2)
    for _ in range(400):
        rates.learn(1, devices=1, bursts=30)
    assert rates.of(1).bursts > 25


def test_its_memory_is_bounded() -> None:
    rates = Rates(300)
    for family in range(10_000):
        rates.learn(family, devices=1, bursts=1)
    assert len(rates._classes) <= 4096
