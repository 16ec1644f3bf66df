"""What a bench found."""

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """`figures` are ours, `peers` the others' (None: not installed), `ratios` ours to theirs; `machine`: on
    which, and what else it did."""

    figures: Mapping[str, Any] = field(default_factory=dict)
    peers: Mapping[str, Any] = field(default_factory=dict)
    ratios: Mapping[str, Any] = field(default_factory=dict)
    machine: Mapping[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def median(values: Sequence[float]) -> float:
    """The middle of several runs, to four figures: more would be noise."""
    return float(f"{statistics.median(values):.4g}")


def paired_ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """The middle of the ratios of runs that stood side by side. Raises ValueError when one side has more."""
    return median([mine / other for mine, other in zip(ours, theirs, strict=True)])


def percentile(ordered: Sequence[float], per_cent: float) -> float | None:
    """The value that so many of the ascending values do not exceed (nearest rank), to four figures."""
    if not ordered:
        return None
    return float(f"{ordered[max(0, math.ceil(per_cent / 100 * len(ordered)) - 1)]:.4g}")
