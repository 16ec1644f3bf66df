"""What one admitted phone gets through the router: with 0 to 10,000 others admitted, beside NAT without a
portal, and beside the rules that other portals add for each client.

The packet filter is changed under the same phone, router and server. A round measures every side once, the
next one in the opposite order; ratios are taken within a round, so what else the machine does hits both.
"""

import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from tests.bench.loads import LOADS
from tests.bench.result import Result, median, paired_ratio
from tests.bench.rig import Rig, rig
from tests.bench.sides import SIDES
from tests.lab import private
from tests.lab.namespace import environment

ROUNDS = 9
EVERY_ROUND = ("plain_nat", "others_0", "others_10000")
PEERS = ("opennds_rules_4000", "opennds9_rules_4000", "nodogsplash_rules_4000")
_PEERS_NEED = {
    "opennds9_rules_4000": "iptables-nft-restore",
    "nodogsplash_rules_4000": "iptables-nft-restore",
}
_REST_EVERY = 4

Runs = dict[str, dict[str, list[float]]]
"""Figures by side and load, one a round."""


def measure() -> Result:
    missing = {peer for peer, program in _PEERS_NEED.items() if shutil.which(program) is None}
    sides = [side for side in (*EVERY_ROUND, *SIDES) if side not in missing]
    sides = list(dict.fromkeys(sides))
    runs: Runs = {side: {load: [] for load in LOADS} for side in sides}
    with rig(private.HOME / "forward") as there, _router(there) as router:
        # The first of all finds cold caches and a slow start; it does not count.
        _put_in_force(router, "plain_nat")
        for run in LOADS.values():
            run(there)
        for number in range(ROUNDS):
            some = [side for side in sides if side in EVERY_ROUND or number % _REST_EVERY == 0]
            for side in some if number % 2 == 0 else reversed(some):
                _put_in_force(router, side)
                for load, run in LOADS.items():
                    runs[side][load].append(run(there))
    return result(runs)


def result(runs: Runs) -> Result:
    """Figures: Gbit/s, thousands of datagrams a second, fetches a second."""
    medians = {side: {load: median(values) for load, values in loads.items()} for side, loads in runs.items()}
    return Result(
        figures={side: medians[side] for side in runs if side.startswith("others_")},
        peers={peer: medians.get(peer) for peer in ("plain_nat", *PEERS)},
        ratios=ratios(runs),
    )


def ratios(runs: Runs) -> Mapping[str, Mapping[str, float]]:
    """For each load what 10,000 others leave of the rate with none, and what that is of plain NAT."""
    pairs = {"others_10000": ("others_10000", "others_0"), "plain_nat": ("others_10000", "plain_nat")}
    found: dict[str, dict[str, float]] = {
        load: {key: paired_ratio(runs[ours][load], runs[base][load]) for key, (ours, base) in pairs.items()}
        for load in LOADS
    }
    worst = {key: min(found[load][key] for load in LOADS) for key in pairs}
    for peer in PEERS:
        if peer in runs:
            worst[peer] = min(median(runs[peer][load]) / median(runs["plain_nat"][load]) for load in LOADS)
    return found | {"worst": {key: float(f"{value:.4g}") for key, value in worst.items()}}


@contextmanager
def _router(there: Rig) -> Iterator["subprocess.Popen[str]"]:
    command = there.router.command(sys.executable, "-m", "tests.bench.sides")
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env=environment()) as router:
        try:
            yield router
        finally:
            router.kill()


def _put_in_force(router: "subprocess.Popen[str]", side: str) -> None:
    assert router.stdin is not None
    assert router.stdout is not None
    print(side, file=router.stdin, flush=True)
    if (answer := router.stdout.readline().strip()) != "ok":
        raise RuntimeError(f"{side}: {answer or 'the router process ended'}")
