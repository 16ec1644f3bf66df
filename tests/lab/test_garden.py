"""What shoppers reach before they have registered: the garden's hosts, over HTTPS, and nothing else."""

from collections.abc import Iterator

import pytest

from tests.lab.internet import HOSTS_EACH, MENU, STREET, WEB_IPV4, WEB_IPV6, addresses_of
from tests.lab.phone import Phone
from tests.lab.store import Store
from tests.lab.waiting import until

FAMILIES = pytest.mark.parametrize("family", [4, 6], ids=["ipv4", "ipv6"])


@pytest.fixture(scope="module")
def store(private_network: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A store with its menu in the garden, and with wildcards that cover connectivity checks."""
    with Store(tmp_path_factory.mktemp("garden")) as store:
        domains = [f"*.{MENU}", "*.gstatic.com", "*.apple.com"]
        try:
            yield store.open(network={"walled_garden": ["wechat"], "walled_garden_domains": domains})
        except AssertionError:
            print(store.logs())
            raise


def address(domain: str, number: int, family: int) -> str:
    return addresses_of(domain, number)[family == 6]


def reaches(phone: Phone, host: str) -> None:
    """The gate looks at the leases once a second; until then nobody knows that the address is the phone's."""
    until(lambda: phone.connects(host, 443) == "open", f"{phone.name} reaches {host}", within_seconds=10)


def looked_up(phone: Phone, domain: str, number: int) -> set[str]:
    """As browsers do: both families."""
    shown = phone.namespace.run("getent", "ahosts", f"n{number}.{domain}").stdout
    return {line.split()[0] for line in shown.splitlines()}


@FAMILIES
def test_a_captive_phone_reaches_a_host_of_the_garden_over_https(phone: Phone, family: int) -> None:
    phone.wait_for_ipv6()
    host = address(MENU, 1, family)
    assert host in looked_up(phone, MENU, 1)
    reaches(phone, host)
    assert phone.udp_answer(host, 443) == "answered"


@FAMILIES
def test_on_other_ports_the_garden_is_as_shut_as_the_rest(phone: Phone, family: int) -> None:
    phone.wait_for_ipv6()
    looked_up(phone, MENU, 1)
    host = address(MENU, 1, family)
    assert [phone.connects(host, port) for port in (22, 853, 8080)] == ["refused"] * 3
    page = phone.get(f"http://[{host}]/" if family == 6 else f"http://{host}/")
    assert (page.status, page.location) == (302, f"http://{phone.router}/")


@FAMILIES
def test_a_host_outside_the_garden_stays_out_of_reach(phone: Phone, family: int) -> None:
    phone.wait_for_ipv6()
    host = address(STREET, 7, family)
    assert host in looked_up(phone, STREET, 7)
    assert phone.connects(host, 443) == "refused"
    assert phone.udp_answer(host, 443) == "refused"


def test_an_address_is_in_the_garden_only_once_its_name_was_asked_for(phone: Phone) -> None:
    host = address(MENU, 9, 4)
    assert phone.connects(host, 443) == "refused"
    looked_up(phone, MENU, 9)
    reaches(phone, host)


@pytest.mark.parametrize(
    "url",
    ["http://connectivitycheck.gstatic.com/generate_204", "http://captive.apple.com/hotspot-detect.html"],
)
def test_a_connectivity_check_under_a_wildcard_of_the_garden_is_still_led_to_the_portal(
    phone: Phone, url: str
) -> None:
    phone.wait_for_ipv6()
    reply = phone.get(url)
    assert (reply.status, reply.location) == (302, f"http://{phone.router}/")
    # It is in the garden all the same: its other pages are reachable.
    reaches(phone, WEB_IPV4)
    reaches(phone, WEB_IPV6)


def test_a_garden_of_many_addresses_is_reachable_to_the_last(store: Store, phone: Phone) -> None:
    """Others kept room for 128 and lost the rest without a word."""
    phone.wait_for_ipv6()
    numbers = range(1, HOSTS_EACH + 1)
    # A captive phone may ask this much only slowly; others in the store have asked already.
    registered = store.phone("regular").join()
    registered.register(email="regular@example.com", terms="yes")
    registered.wait_for_ipv6()
    registered.namespace.run("getent", "ahosts", *(f"n{number}.{MENU}" for number in numbers))
    reaches(phone, address(MENU, 1, 4))
    reached = {number for number in numbers if phone.connects(address(MENU, number, 4), 443) == "open"}
    assert reached == set(numbers)
    assert phone.connects(address(MENU, HOSTS_EACH, 6), 443) == "open"
    store.gone(registered)


def test_a_garden_is_no_way_to_the_box_or_the_owner(store: Store, phone: Phone) -> None:
    assert phone.connects(store.box.OWNER_ADDRESS, 443) == "refused"
