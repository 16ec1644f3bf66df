"""An address that no vendor gave was made up, whatever its bits say."""

import pytest

from netctl.sensor.vendors import is_made_up, pack, unpack


@pytest.mark.parametrize("mac", ["f4f5e8102030", "dca632000001", "000c29abcdef"])
def test_a_vendors_address_stays_with_its_device(mac: str) -> None:
    assert not is_made_up(bytes.fromhex(mac))


@pytest.mark.parametrize(
    ("mac", "why"),
    [
        ("02005e100001", "locally administered"),
        ("dea632000001", "locally administered, though the rest is a vendor's"),
        ("01005e000001", "no sender has a group address"),
        ("fcfffc000001", "nobody was given this block"),
    ],
)
def test_other_addresses_were_made_up(mac: str, why: str) -> None:
    assert is_made_up(bytes.fromhex(mac)), why


def test_the_table_survives_its_packing() -> None:
    prefixes = [0x000000, 0x00007F, 0x000080, 0x0000FF, 0xFCFFFC]
    assert list(unpack(pack(reversed(prefixes)))) == prefixes
