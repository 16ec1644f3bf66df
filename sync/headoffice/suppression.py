"""Counts of fewer than five people are not shown: with few enough, a number is a person. Pure."""

from collections.abc import Mapping
from typing import Any, Final

FEWEST: Final = 5
# Of these, any one can be worked out from the others.
_TOGETHER: Final = ("devices", "low", "high", "inside", "passers_by", "naive_macs", "frames")


def suppress(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row of footfall as it may be shown: small counts and what would betray them are None.

    Zero is shown: it tells of nobody.
    """
    shown = dict(row)
    hidden: set[str] = set()
    if _small(row["devices"]):
        hidden |= {*_TOGETHER, "dwell_histogram"}
    if _small(row["inside"]) or _small(row["passers_by"]):
        hidden |= {"inside", "passers_by"}
    # The bars add up to the devices, so that one missing bar would be the rest.
    if any(_small(devices) for devices in (row["dwell_histogram"] or {}).values()):
        hidden.add("dwell_histogram")
    hidden |= {key for key in ("stations", "naive_macs") if _small(row[key])}
    for key in hidden:
        shown[key] = None
    shown["suppressed"] = bool(hidden)
    return shown


def _small(count: int | None) -> bool:
    return count is not None and 0 < count < FEWEST
