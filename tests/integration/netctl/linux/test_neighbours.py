"""What the kernel's neighbour table may do to the gate."""

import errno
import subprocess
from typing import Any

import pytest

from netctl.api import parse_ip, parse_mac
from netctl.linux.neighbours import Neighbours


@pytest.mark.usefixtures("private_network")
def test_a_full_table_ends_nothing_and_the_others_are_asked_all_the_same() -> None:
    # The kernel says ENOBUFS for each entry beyond gc_thresh3. That limit is the whole machine's, not the
    # namespace's, so no test lowers it: the answer is given in the kernel's place.
    asked: list[str] = []

    def full(command: str, **entry: Any) -> None:
        asked.append(entry["dst"])
        raise OSError(errno.ENOBUFS, "No buffer space available")

    neighbours = Neighbours("lo")
    try:
        neighbours._route.neigh = full
        stations = [(parse_ip(f"10.77.0.{n}"), parse_mac(f"02:00:5e:10:00:0{n}")) for n in (1, 2)]
        neighbours.ask(stations)
    finally:
        neighbours.close()
    assert asked == ["10.77.0.1", "10.77.0.2"]


@pytest.mark.usefixtures("private_network")
def test_who_is_heard_at_an_address_is_known_and_who_is_not_is_nobody() -> None:
    heard = "lladdr 02:00:5e:10:00:09 dev br-heard nud stale"
    lines = ["link add br-heard type bridge", "link set br-heard up"]
    lines += [f"neigh replace {address} {heard}" for address in ("10.77.0.9", "fd77:79b6:1::9")]
    subprocess.run(["ip", "-batch", "-"], input="\n".join(lines), text=True, check=True)
    neighbours = Neighbours("br-heard")
    try:
        for network in ("10.77.0.", "fd77:79b6:1::"):
            found = neighbours.at(parse_ip(f"{network}9"))
            assert found is not None
            assert (found.mac, found.answers) == (parse_mac("02:00:5e:10:00:09"), False)
            assert neighbours.at(parse_ip(f"{network}8")) is None
    finally:
        neighbours.close()
        subprocess.run(["ip", "link", "delete", "br-heard"], check=True)
