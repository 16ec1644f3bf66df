"""Which IPv6 address is which station's, as the packet filter bound them (RFC 6620, ruleset.nft).

The neighbour table does not know a station whose datagrams nobody answers: it is asked on the way back only.
"""

import json
from collections.abc import Mapping
from ipaddress import IPv6Address
from typing import Any

from netctl.api import parse_mac
from netctl.linux.neighbours import Neighbour
from netctl.linux.nft import libnftables

_SET = "inet yingke bound"


def bound() -> list[Neighbour]:
    """All bindings now; none while the packet filter is not loaded. Blocks."""
    library = libnftables()
    library.set_json_output(True)
    failed, listed, _ = library.cmd(f"list set {_SET}")
    return [] if failed or not listed else parse_bound(json.loads(listed))


def parse_bound(listed: Mapping[str, Any]) -> list[Neighbour]:
    """`nft -j list set` -> a station each. Raises ValueError when it is not such a set."""
    try:
        elements = [each for part in listed["nftables"] for each in part.get("set", {}).get("elem", ())]
        pairs = [element["elem"]["val"]["concat"] for element in elements]
        return [
            # nft has no name for these 128 bits: it shows a number.
            Neighbour(ip=IPv6Address(int(str(address), 0)), mac=parse_mac(mac), answers=True)
            for mac, address in pairs
        ]
    except (KeyError, TypeError) as error:
        raise ValueError(f"the bindings are not as expected: {error}") from error
