import pytest

from tests.bench.forward import EVERY_ROUND, PEERS, ratios, result
from tests.bench.loads import LOADS
from tests.bench.result import paired_ratio


def _runs(**sides: list[float]) -> dict[str, dict[str, list[float]]]:
    return {side: {load: list(values) for load in LOADS} for side, values in sides.items()}


def test_a_ratio_is_taken_between_neighbours_so_that_a_slow_minute_hits_both() -> None:
    assert paired_ratio([9.0, 0.9, 9.0], [10.0, 1.0, 10.0]) == 0.9


def test_sides_with_different_numbers_of_runs_are_not_compared() -> None:
    with pytest.raises(ValueError, match="shorter"):
        paired_ratio([1.0, 2.0], [1.0])


def test_the_worst_load_is_named_worst() -> None:
    runs = _runs(plain_nat=[10.0], others_0=[9.0], others_10000=[9.0])
    runs["others_10000"]["udp64"] = [8.1]
    found = ratios(runs)
    assert found["tcp_up"] == {"others_10000": 1.0, "plain_nat": 0.9}
    assert found["worst"] == {"others_10000": 0.9, "plain_nat": 0.81}


def test_a_peer_that_is_not_installed_is_null() -> None:
    sides = {side: [1.0] for side in (*EVERY_ROUND, "opennds_rules_4000")}
    peers = result(_runs(**sides)).peers
    assert peers["opennds_rules_4000"] == dict.fromkeys(LOADS, 1.0)
    assert [peer for peer in PEERS if peers[peer] is None] == [
        "opennds9_rules_4000",
        "nodogsplash_rules_4000",
    ]
