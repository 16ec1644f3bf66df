"""The ruleset in a real kernel: what a captive station meets, what an admitted one, what nobody may."""

import subprocess
from socket import SOCK_DGRAM, SOCK_STREAM, timeout

import pytest

from netctl.linux.features import FEATURES, Feature
from tests.integration.netctl.street import (
    HOST,
    HOST6,
    INTERCEPT,
    LAPTOP,
    OURS,
    OURS6,
    OWNERS,
    SILENCE_SECONDS,
    UPLINKS,
    Street,
    listen,
)
from tests.lab.waiting import until

BOTH_FAMILIES = pytest.mark.parametrize("address", [HOST, HOST6])


@BOTH_FAMILIES
@pytest.mark.parametrize("port", [22, 443, 853, 8080])
def test_a_captive_stations_connections_are_reset_at_once(street: Street, address: str, port: int) -> None:
    with listen(street.host, address, port, SOCK_STREAM):
        assert street.anna.connect(address, port) == "refused"


@BOTH_FAMILIES
def test_every_quic_packet_of_a_captive_station_is_refused_at_once(street: Street, address: str) -> None:
    street.lease(street.anna)
    with street.anna.udp(address, 443) as talking:
        for _ in range(50):
            talking.send(b"QUIC")
            with pytest.raises(ConnectionRefusedError):
                talking.recv(100)


@pytest.mark.parametrize(("address", "ours"), [(HOST, OURS), (HOST6, OURS6)])
def test_port_80_of_a_captive_station_is_the_interceptors(street: Street, address: str, ours: str) -> None:
    with listen(None, ours, INTERCEPT, SOCK_STREAM) as interceptor:
        assert street.anna.connect(address, 80) == "open"
        talking, (who, *_) = interceptor.accept()
        talking.close()
        assert who in (street.anna.ipv4, street.anna.ipv6)


@pytest.mark.parametrize(("address", "ours"), [(HOST, OURS), (HOST6, OURS6)])
def test_a_foreign_resolver_is_ours_while_captive(street: Street, address: str, ours: str) -> None:
    with (
        listen(None, ours, 53, SOCK_DGRAM) as resolver,
        street.anna.udp(address, 53) as phone,
    ):
        phone.send(b"question")
        question, who = resolver.recvfrom(100)
        resolver.sendto(b"answer to " + question, who)
        assert phone.recv(100) == b"answer to question"


@pytest.mark.parametrize("ours", [OURS, OURS6])
def test_the_portal_is_reached_and_the_interceptor_only_by_redirect(street: Street, ours: str) -> None:
    with listen(None, ours, 80, SOCK_STREAM), listen(None, ours, INTERCEPT, SOCK_STREAM):
        assert street.anna.connect(ours, 80) == "open"
        assert street.anna.connect(ours, INTERCEPT) == "refused"


@pytest.mark.parametrize("address", [OWNERS, UPLINKS])
@pytest.mark.parametrize("admitted", [False, True])
def test_no_guest_reaches_the_boxs_other_addresses(street: Street, address: str, admitted: bool) -> None:
    if admitted:
        street.admit(street.anna)
    with listen(None, address, 443, SOCK_STREAM):
        assert street.anna.connect(address, 443) == "refused"


@pytest.mark.parametrize("admitted", [False, True])
@pytest.mark.parametrize(("address", "ours"), [(HOST, OURS), (HOST6, OURS6), (LAPTOP, OURS)])
def test_nobody_has_our_answers_sent_to_others_by_taking_their_address(
    street: Street, address: str, ours: str, admitted: bool
) -> None:
    if admitted:
        street.admit(street.anna)
    street.anna.namespace.ip(f"addr add {address} dev w0 nodad")
    with (
        listen(None, ours, 53, SOCK_DGRAM) as resolver,
        listen(street.anna.namespace, address, 9004, SOCK_DGRAM) as phone,
    ):
        with street.anna.udp(ours, 53) as honest:
            honest.send(b"answer this to me")
            resolver.recv(100)
        resolver.settimeout(SILENCE_SECONDS)
        phone.sendto(b"answer this to somebody else", (ours, 53))
        with pytest.raises(timeout):
            resolver.recv(100)
    street.anna.namespace.ip(f"addr del {address} dev w0")


def test_from_outside_the_owners_network_is_not_reached_through_us(street: Street) -> None:
    with listen(street.laptop, LAPTOP, 9005, SOCK_DGRAM) as laptop:
        with street.host.open_socket(kind=SOCK_DGRAM) as host:
            host.sendto(b"knock", (LAPTOP, 9005))
        laptop.settimeout(SILENCE_SECONDS)
        with pytest.raises(timeout):
            laptop.recv(100)


def test_other_ports_of_the_box_are_closed_to_guests(street: Street) -> None:
    street.admit(street.anna)
    with listen(None, OURS, 22, SOCK_STREAM):
        assert street.anna.connect(OURS, 22) == "refused"


def test_from_outside_the_portal_is_not_reached(street: Street) -> None:
    with listen(None, UPLINKS, 80, SOCK_STREAM), street.host.open_socket() as asking:
        asking.settimeout(SILENCE_SECONDS)
        with pytest.raises(timeout):
            asking.connect((UPLINKS, 80))


@BOTH_FAMILIES
def test_an_admitted_station_passes(street: Street, address: str) -> None:
    street.admit(street.anna)
    with listen(street.host, address, 443, SOCK_STREAM):
        assert street.anna.connect(address, 443) == "open"
        assert street.ben.connect(address, 443) == "refused"


def test_port_80_of_an_admitted_station_is_the_internets(street: Street) -> None:
    street.admit(street.anna)
    with listen(street.host, HOST, 80, SOCK_STREAM) as web:
        assert street.anna.connect(HOST, 80) == "open"
        talking, (who, _) = web.accept()
        talking.close()
        assert who == UPLINKS  # behind our address


def test_both_directions_are_counted_on_their_own(street: Street) -> None:
    street.admit(street.anna)
    with (
        listen(street.host, HOST, 9000, SOCK_DGRAM) as host,
        street.anna.udp(HOST, 9000) as phone,
    ):
        phone.send(b"u" * 100)
        _, who = host.recvfrom(200)
        for _ in range(3):
            host.sendto(b"d" * 1000, who)
            phone.recv(2000)
    member = (street.filter.members() or {})[street.anna.mac]
    assert member.bytes_up == 128
    # netdev counts the Ethernet header too.
    assert member.bytes_down in (3 * 1028, 3 * 1042)


@BOTH_FAMILIES
def test_a_running_download_stops_with_the_session(street: Street, address: str) -> None:
    street.admit(street.anna)
    with (
        listen(street.host, address, 9001, SOCK_DGRAM) as host,
        street.anna.udp(address, 9001) as phone,
    ):
        phone.send(b"start")
        _, who = host.recvfrom(100)
        host.sendto(b"passes", who)
        assert phone.recv(100) == b"passes"
        street.filter.expel([street.anna.mac])
        phone.settimeout(SILENCE_SECONDS)
        host.sendto(b"does not", who)
        with pytest.raises(timeout):
            phone.recv(100)


def test_access_ends_by_itself_with_every_process_dead(street: Street) -> None:
    street.admit(street.anna, seconds=1)
    with listen(street.host, HOST, 443, SOCK_STREAM):
        assert street.anna.connect(HOST, 443) == "open"
        until(lambda: street.anna.connect(HOST, 443) == "refused", "the kernel ends the session", 10)


@BOTH_FAMILIES
def test_nobody_outside_opens_a_connection_to_a_guest(street: Street, address: str) -> None:
    street.admit(street.anna)
    guest = street.anna.ipv4 if address == HOST else street.anna.ipv6
    with listen(street.anna.namespace, guest, 9002, SOCK_DGRAM) as phone:
        with listen(street.host, address, 9003, SOCK_DGRAM) as host:
            host.sendto(b"knock", (guest, 9002))
        phone.settimeout(SILENCE_SECONDS)
        with pytest.raises(timeout):
            phone.recv(100)


def test_loading_the_ruleset_again_keeps_whom_it_is_told_to(street: Street) -> None:
    street.admit(street.anna)
    street.filter.load([])
    assert street.filter.members() == {}
    street.admit(street.anna)
    with listen(street.host, HOST, 443, SOCK_STREAM):
        assert street.anna.connect(HOST, 443) == "open"


def test_other_peoples_tables_are_left_alone(street: Street) -> None:
    subprocess.run(["nft", "add", "table", "inet", "somebody_elses"], check=True)
    street.filter.load([])
    tables = subprocess.run(["nft", "list", "tables"], capture_output=True, text=True, check=True).stdout
    assert set(tables.split("\n")) >= {
        "table inet somebody_elses",
        "table inet yingke",
        "table netdev yingke",
    }
    subprocess.run(["nft", "delete", "table", "inet", "somebody_elses"], check=True)


@pytest.mark.parametrize("feature", FEATURES, ids=lambda feature: feature.name)
def test_the_trial_of_each_feature_succeeds_where_the_ruleset_does(street: Street, feature: Feature) -> None:
    street.filter.attempt(feature)
    listed = subprocess.run(["nft", "list", "tables"], capture_output=True, text=True, check=True).stdout
    assert "yingke_try" not in listed
