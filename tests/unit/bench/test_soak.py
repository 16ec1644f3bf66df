from scapy.layers.dhcp import BOOTP, DHCP
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether

from tests.bench.crowd import station
from tests.bench.soak import Allowed, judged
from tests.bench.visitors import dhcp_frame

HELD = {
    "memory_mb": {"gate": 40.0, "portal": 45.0},
    "open_files": {"gate": 38.0},
    "threads": {"gate": 12.0},
    "set_members": {"inet admitted": 0.0},
    "connections": {"all": 16.0},
}
ADA = station(1)


def test_a_box_that_holds_what_it_held_has_leaked_nothing() -> None:
    assert all(judged(HELD, HELD, Allowed()).values())


def test_one_member_too_many_is_a_leak_and_only_that() -> None:
    verdicts = judged(HELD, HELD | {"set_members": {"inet admitted": 1.0}}, Allowed())
    assert [kind for kind, fine in verdicts.items() if not fine] == ["set_members"]


def test_memory_grown_in_one_process_is_not_made_good_by_another() -> None:
    grown = HELD | {"memory_mb": {"gate": 60.0, "portal": 20.0}}
    assert judged(HELD, grown, Allowed())["memory_mb"] is False


def test_an_arriving_phone_asks_for_the_address_it_knows() -> None:
    frame = Ether(dhcp_frame(ADA, 3, "10.77.0.1", "ff:ff:ff:ff:ff:ff"))
    assert (frame.src, frame.dst, frame[IP].src, frame[IP].dst) == (
        ADA.mac,
        "ff:ff:ff:ff:ff:ff",
        "0.0.0.0",
        "255.255.255.255",
    )
    assert (frame[UDP].dport, frame[BOOTP].ciaddr) == (67, "0.0.0.0")
    assert frame[DHCP].options[:2] == [("message-type", 3), ("requested_addr", ADA.ip)]


def test_a_leaving_phone_gives_its_own_lease_back_to_the_box() -> None:
    frame = Ether(dhcp_frame(ADA, 7, "10.77.0.1", "02:00:00:00:00:01"))
    assert (frame[IP].src, frame[IP].dst, frame[BOOTP].ciaddr) == (ADA.ip, "10.77.0.1", ADA.ip)
    assert frame[DHCP].options[:2] == [("message-type", 7), ("server_id", "10.77.0.1")]


def test_the_headers_sum_is_right() -> None:
    frame = Ether(dhcp_frame(ADA, 3, "10.77.0.1", "ff:ff:ff:ff:ff:ff"))
    given = frame[IP].chksum
    del frame[IP].chksum
    assert Ether(bytes(frame))[IP].chksum == given
