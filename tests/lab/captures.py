"""Real captures with known truth, where there are any on this machine. They are not ours to redistribute."""

import os
import tarfile
from pathlib import Path
from typing import Any

FOLDER = Path(os.environ.get("YINGKE_PROBES") or Path(__file__).parents[3] / "shared/data/probes")
"""Holds NAME.tar.xz of the archives named in `ARCHIVES`."""

ARCHIVES = ("brno", "cagliari", "confront", "milano")


class NoCaptures(Exception):
    """They are not on this machine; the text says where they were looked for."""


def unpack(name: str, into: Path) -> Path:
    """The folder of one archive, unpacked below `into`. Raises NoCaptures."""
    packed = FOLDER / f"{name}.tar.xz"
    if not packed.is_file():
        raise NoCaptures(f"no captures at {packed} (YINGKE_PROBES names another folder)")
    # Debian 12's Python knows no extraction filters yet (PEP 706).
    careful: dict[str, Any] = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}
    with tarfile.open(packed) as archive:
        archive.extractall(into, **careful)
    return into / name
