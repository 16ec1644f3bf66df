from tests.bench.machine import busy_cores, described

BEFORE = "cpu  100 0 100 1000 0 0 0 0 0 0\ncpu0 50 0 50 500 0 0 0 0 0 0\ncpu1 50 0 50 500 0 0 0 0 0 0\nintr 1"


def test_one_of_two_cores_at_work_is_one() -> None:
    after = (
        "cpu  150 0 150 1100 0 0 0 0 0 0\ncpu0 150 0 150 500 0 0 0 0 0 0\ncpu1 0 0 0 600 0 0 0 0 0 0\nintr 2"
    )
    assert busy_cores(BEFORE, after) == 1.0


def test_what_the_host_takes_away_counts_as_others_work() -> None:
    after = BEFORE.replace("cpu  100 0 100 1000 0 0 0 0", "cpu  100 0 100 1150 0 0 0 50")
    assert busy_cores(BEFORE, after) == 0.5


def test_a_busy_machine_is_warned_of_and_an_idle_one_is_not() -> None:
    assert "warning" in described(0.0, 0.8)
    assert "warning" not in described(0.02, 0.05)
