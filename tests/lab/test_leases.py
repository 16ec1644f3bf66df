"""What the gate knows of an address, from the moment it is given out."""

import re

from tests.lab.phone import Phone
from tests.lab.store import Store
from tests.lab.waiting import until


def test_the_packet_filter_learns_whose_an_address_is(store: Store, phone: Phone) -> None:
    pair = f"{phone.mac} . {phone.ipv4}"
    until(lambda: pair in leased(store), "the lease is known")


def leased(store: Store) -> str:
    return store.box.namespace.run("nft", "list", "set", "netdev", "yingke", "leased").stdout


def test_dnsmasqs_file_shows_that_its_leases_are_all_there(store: Store, phone: Phone) -> None:
    """The gate waits for this line while the file is being written."""
    written = (store.box.data_dir / "dnsmasq" / "dnsmasq.leases").read_text()
    assert phone.ipv4 in written
    assert re.search(r"^duid [0-9a-f:]+\n", written, re.MULTILINE)
