"""Makes vendors.bin whenever the product is built or installed (hatchling's custom build hook)."""

import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class VendorTable(BuildHookInterface[Any]):
    """Hatchling finds it by its base class."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        # The build runs outside the checkout's import path.
        sys.path.insert(0, self.root)
        try:
            from netctl.sensor.vendors import pack
        finally:
            sys.path.remove(self.root)
        Path(self.root, "netctl", "sensor", "vendors.bin").write_bytes(pack(_assigned_prefixes()))


def _assigned_prefixes() -> set[int]:
    """The first three octets of every block, out of scapy's copy of Wireshark's table."""
    from scapy.libs.manuf import DATA

    lines = (line.split("\t", 1)[0].split("/")[0] for line in str(DATA).splitlines())
    blocks = (line.strip().replace(":", "").replace("-", "") for line in lines if not line.startswith("#"))
    prefixes = {int(block[:6], 16) for block in blocks if len(block) >= 6}
    return {prefix for prefix in prefixes if not prefix >> 16 & 3}
