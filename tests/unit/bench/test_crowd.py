from ipaddress import IPv4Address, IPv4Network

from tests.bench.crowd import RANGE, Station, disguise, leases, station
from tests.bench.result import percentile


def test_the_same_number_is_the_same_station_and_no_two_are_alike() -> None:
    crowd = [station(number) for number in range(20_000)]
    assert station(7) == crowd[7]
    assert len({each.mac for each in crowd}) == len({each.ip for each in crowd}) == 20_000
    assert all(IPv4Address(each.ip) in IPv4Network(RANGE) for each in crowd)


def test_each_address_gets_a_mac_of_its_own_on_the_way_out() -> None:
    ada = Station(mac="06:00:00:00:00:01", ip="10.77.128.1")
    assert f"{ada.ip} : {ada.mac}" in disguise("wire", [ada])


def test_a_lease_line_reads_as_dnsmasq_writes_it() -> None:
    expires, mac, ip, name, identity = leases([station(1)]).split()
    assert (int(expires) > 0, mac, ip) == (True, "06:00:00:00:00:01", "10.77.128.1")
    assert (name, identity) == ("*", "*")


def test_a_percentile_is_one_of_the_values() -> None:
    values = [float(number) for number in range(1, 101)]
    assert percentile(values, 99) == 99
    assert percentile(values, 50) == 50
    assert percentile([3.0], 99) == 3
    assert percentile([], 99) is None
