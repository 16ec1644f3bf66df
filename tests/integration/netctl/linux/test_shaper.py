"""Rates in a real kernel, with real connections through it. What is measured is what arrived, over the time
it took; the kernel holds rates by its own clock, so that a busy machine changes nothing.
"""

import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from socket import SHUT_RDWR, SOCK_DGRAM, SOCK_STREAM, socket

import pytest

from netctl.api import Mac
from netctl.linux.lanes import IFB
from netctl.linux.rates import Rates, ShaperFailed
from netctl.linux.shaper import Shaper
from sync.config import Config
from tests.integration.netctl.street import HOST, HOST6, OURS, Phone, Street, listen
from tests.lab.waiting import until

KBIT = 2000
BRIDGE = "br-shaped"
WARM_BYTES, MEASURED_BYTES = 100_000, 600_000


class Flow:
    """One connection with somebody who always has more to send."""

    def __init__(self, sender: socket, receiver: socket) -> None:
        self.bytes = 0
        self._ends = (sender, receiver)
        self._threads = [threading.Thread(target=self._send), threading.Thread(target=self._receive)]
        for thread in self._threads:
            thread.start()

    def _send(self) -> None:
        try:
            while True:
                self._ends[0].sendall(bytes(16_384))
        except OSError:
            return

    def _receive(self) -> None:
        try:
            while part := self._ends[1].recv(65_536):
                self.bytes += len(part)
        except OSError:
            return

    def close(self) -> None:
        for end in self._ends:
            with suppress(OSError):  # the other end was first
                end.shutdown(SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        for end in self._ends:
            end.close()

    def kbit(self) -> float:
        """Its rate from now on."""
        start = self.bytes + WARM_BYTES
        until(lambda: self.bytes >= start, "the connection runs", 60)
        began, before = time.monotonic(), self.bytes
        until(lambda: self.bytes >= before + MEASURED_BYTES, "the connection goes on", 60)
        return (self.bytes - before) * 8 / 1000 / (time.monotonic() - began)


def flow(street: Street, phone: Phone, direction: str, port: int, address: str = HOST) -> Flow:
    with listen(street.host, address, port, SOCK_STREAM) as listening:
        talking = phone.namespace.open_socket(listening.family, SOCK_STREAM)
        talking.settimeout(10)
        talking.connect((address, port))
        host, _ = listening.accept()
    for end in (talking, host):
        end.settimeout(60)
    return Flow(talking, host) if direction == "up" else Flow(host, talking)


@pytest.fixture
def shaper(street: Street) -> Iterator[Shaper]:
    made = Shaper(street.config)
    yield made
    made.apply({}, Rates())
    made.close()


@pytest.mark.parametrize("address", [HOST, HOST6])
@pytest.mark.parametrize("direction", ["down", "up"])
def test_a_limited_station_gets_its_rate_and_an_unlimited_one_is_not_slowed(
    street: Street, shaper: Shaper, direction: str, address: str
) -> None:
    for phone in (street.anna, street.ben):
        street.admit(phone)
    shaper.apply({street.anna.mac: Rates(down_kbit=KBIT, up_kbit=KBIT)}, Rates())
    with ExitStack() as ends:
        limited = flow(street, street.anna, direction, 7001, address)
        ends.callback(limited.close)
        # Hers first: his, as fast as the machine, would take an emulated one's processor from hers.
        assert KBIT * 0.85 < limited.kbit() < KBIT * 1.15
        free = flow(street, street.ben, direction, 7002, address)
        ends.callback(free.close)
        assert free.kbit() > KBIT * 2


@pytest.mark.parametrize("direction", ["down", "up"])
def test_stations_share_a_total_fairly_however_many_connections_one_opens(
    street: Street, shaper: Shaper, direction: str
) -> None:
    for phone in (street.anna, street.ben):
        street.admit(phone)
    total = Rates(down_kbit=2 * KBIT, up_kbit=2 * KBIT)
    shaper.apply({street.anna.mac: Rates(), street.ben.mac: Rates()}, total)
    with ExitStack() as ends:
        greedy = [flow(street, street.anna, direction, 7010 + n) for n in range(4)]
        modest = flow(street, street.ben, direction, 7020)
        for each in (*greedy, modest):
            ends.callback(each.close)
        until(lambda: sum(each.bytes for each in greedy) > WARM_BYTES < modest.bytes, "all run", 60)
        began = time.monotonic()
        hers, his = sum(each.bytes for each in greedy), modest.bytes
        until(lambda: modest.bytes > his + 2 * MEASURED_BYTES, "his connection goes on", 60)
        hers, his = sum(each.bytes for each in greedy) - hers, modest.bytes - his
        assert 0.7 < hers / his < 1.4
        assert (hers + his) * 8 / 1000 / (time.monotonic() - began) < 2 * KBIT * 1.15


def test_what_is_not_used_of_a_total_is_the_others_up_to_their_own_limit(
    street: Street, shaper: Shaper
) -> None:
    for phone in (street.anna, street.ben):
        street.admit(phone)
    total = Rates(down_kbit=3 * KBIT)
    shaper.apply({street.anna.mac: Rates(down_kbit=KBIT // 2), street.ben.mac: Rates()}, total)
    with ExitStack() as ends:
        slow, fast = (
            flow(street, phone, "down", 7030 + n) for n, phone in enumerate((street.anna, street.ben))
        )
        for each in (slow, fast):
            ends.callback(each.close)
        assert KBIT * 2.5 * 0.85 < fast.kbit() < KBIT * 2.5 * 1.15
        assert slow.bytes > 0


def test_a_station_nobody_named_stays_within_the_total_too(street: Street, shaper: Shaper) -> None:
    street.admit(street.anna)
    shaper.apply({}, Rates(down_kbit=KBIT, up_kbit=KBIT))
    for direction in ("down", "up"):
        with ExitStack() as ends:
            running = flow(street, street.anna, direction, 7040)
            ends.callback(running.close)
            assert KBIT * 0.85 < running.kbit() < KBIT * 1.15


def test_what_the_box_says_itself_never_waits(street: Street, shaper: Shaper) -> None:
    street.admit(street.anna)
    shaper.apply({street.anna.mac: Rates(down_kbit=64, up_kbit=64)}, Rates(down_kbit=64, up_kbit=64))
    with (
        ExitStack() as ends,
        listen(None, OURS, 53, SOCK_DGRAM) as resolver,
        street.anna.udp(OURS, 53) as phone,
    ):
        for number, direction in enumerate(("down", "up")):
            ends.callback(flow(street, street.anna, direction, 7050 + number).close)
        # In her classes 200 kB would take 25 s each way, and most of it would find no room there.
        for _ in range(200):
            phone.send(bytes(1000))
            question, who = resolver.recvfrom(2000)
            resolver.sendto(question, who)
            assert len(phone.recv(2000)) == 1000


def test_a_rate_that_changes_holds_for_a_running_download(street: Street, shaper: Shaper) -> None:
    street.admit(street.anna)
    shaper.apply({street.anna.mac: Rates(down_kbit=KBIT // 2)}, Rates())
    with ExitStack() as ends:
        running = flow(street, street.anna, "down", 7060)
        ends.callback(running.close)
        until(lambda: running.bytes > WARM_BYTES, "the download runs")
        shaper.apply({street.anna.mac: Rates(down_kbit=2 * KBIT)}, Rates())
        assert 2 * KBIT * 0.85 < running.kbit() < 2 * KBIT * 1.15


def test_nobody_passes_by_the_queues_who_is_not_admitted(street: Street, shaper: Shaper) -> None:
    shaper.apply({street.anna.mac: Rates(down_kbit=KBIT, up_kbit=KBIT)}, Rates(up_kbit=KBIT))
    with listen(street.host, HOST, 443, SOCK_STREAM):
        assert street.anna.connect(HOST, 443) == "refused"


@pytest.fixture
def bridge(private_network: None) -> Iterator[Config]:
    subprocess.run(f"ip link add {BRIDGE} type bridge && ip link set {BRIDGE} up", shell=True, check=True)
    yield Config.parse({"network": {"lan_interfaces": ["lan0"], "uplink": "wan", "bridge": BRIDGE}})
    subprocess.run(["ip", "link", "del", BRIDGE], check=True)
    assert in_place() == ""


def stations(number: int) -> dict[Mac, Rates]:
    rates = Rates(down_kbit=KBIT, up_kbit=KBIT // 2)
    return {Mac(f"02:00:00:00:{n >> 8:02x}:{n & 255:02x}"): rates for n in range(number)}


def said(command: str) -> str:
    return subprocess.run(command, shell=True, capture_output=True, text=True).stdout


def classes(interface: str = BRIDGE) -> list[str]:
    """Each class with its leaf, as tc shows it."""
    return sorted(line.split(" prio")[0] for line in said(f"tc class show dev {interface}").splitlines())


def in_place() -> str:
    """All that is ours in this network namespace."""
    table = said("nft list tables | grep shaper")
    return table + said("tc qdisc show | grep 594b") + said(f"ip -br link show {IFB} 2>/dev/null")


def test_nothing_at_all_is_in_place_while_no_rate_is_wished(bridge: Config) -> None:
    shaper = Shaper(bridge)
    shaper.apply(stations(2), Rates(down_kbit=KBIT))
    assert all(part in in_place() for part in ("shaper", "594b", IFB))
    shaper.apply({mac: Rates() for mac in stations(2)}, Rates())
    assert in_place() == ""
    shaper.close()


def test_stations_wait_in_fair_queues_where_the_kernel_has_them(bridge: Config) -> None:
    tried = subprocess.run(f"tc qdisc add dev {BRIDGE} root fq_codel".split(), capture_output=True)
    subprocess.run(f"tc qdisc del dev {BRIDGE} root".split(), capture_output=True)
    shaper = Shaper(bridge)
    shaper.apply(stations(2), Rates(down_kbit=5 * KBIT))
    leaves = [line.split()[1] for line in said(f"tc qdisc show dev {BRIDGE}").splitlines()[1:]]
    # Two stations', and the others'.
    assert leaves == ["pfifo" if tried.returncode else "fq_codel"] * 3
    # Another rate, for the leaves that are there.
    shaper.apply({mac: Rates(down_kbit=KBIT // 2) for mac in stations(2)}, Rates(down_kbit=5 * KBIT))
    shaper.apply({}, Rates())
    shaper.close()


def test_only_the_direction_that_has_a_limit_is_queued(bridge: Config) -> None:
    shaper = Shaper(bridge)
    shaper.apply({Mac("02:00:00:00:00:01"): Rates(down_kbit=KBIT)}, Rates())
    assert IFB not in in_place()
    shaper.apply({Mac("02:00:00:00:00:01"): Rates(up_kbit=KBIT)}, Rates())
    assert (len(classes()), len(classes(IFB))) == (0, 1)
    shaper.apply({}, Rates())
    shaper.close()


def test_one_station_more_or_less_leaves_three_thousand_others_alone(bridge: Config) -> None:
    shaper = Shaper(bridge)
    everybody = stations(3000)
    shaper.apply(everybody, Rates())
    before = classes(), classes(IFB)
    assert [len(each) for each in before] == [3000, 3000]
    one = everybody.popitem()
    shaper.apply(everybody, Rates())
    assert set(classes()) < set(before[0])
    assert len(classes()) == 2999
    shaper.apply(dict([*everybody.items(), one]), Rates())
    # The leaves have numbers of the kernel's: whose is the same was not made anew.
    assert len(set(classes()) & set(before[0])) == 2999
    assert len(set(classes(IFB)) & set(before[1])) == 2999
    shaper.apply({}, Rates())
    shaper.close()


def test_what_a_crash_left_is_replaced(bridge: Config) -> None:
    Shaper(bridge).apply(stations(3), Rates())
    again = Shaper(bridge)
    again.apply(stations(2), Rates())
    assert len(classes()) == len(classes(IFB)) == 2
    Shaper(bridge).apply({}, Rates())
    assert in_place() == ""


@pytest.mark.parametrize(
    "what",
    [
        f"ip link del {BRIDGE} && ip link add {BRIDGE} type bridge && ip link set {BRIDGE} up",
        f"tc qdisc del dev {BRIDGE} root",
        f"tc qdisc del dev {IFB} root",
        f"ip link del {IFB}",
        "nft delete table netdev yingke_shaper",
    ],
)
def test_what_somebody_else_took_away_is_put_back(bridge: Config, what: str) -> None:
    shaper = Shaper(bridge)
    shaper.apply(stations(3), Rates())
    subprocess.run(what, shell=True, check=True)
    shaper.apply(stations(3), Rates())
    assert len(classes()) == len(classes(IFB)) == 3
    assert "594b:9 }" in said("nft list map netdev yingke_shaper up").replace(",", " }")
    shaper.apply({}, Rates())
    shaper.close()


def test_a_queue_that_is_not_ours_is_left_as_it_is(bridge: Config) -> None:
    subprocess.run(
        f"tc qdisc add dev {BRIDGE} root handle 7: tbf rate 1mbit burst 9k latency 9ms".split(), check=True
    )
    shaper = Shaper(bridge)
    with pytest.raises(ShaperFailed, match="tbf 7:"):
        shaper.apply(stations(1), Rates())
    assert "tbf 7:" in said(f"tc qdisc show dev {BRIDGE}")
    assert in_place() == ""
    shaper.apply({}, Rates())
    shaper.close()
