"""`yingke-net count`: counts a capture as the sensor would have, on the clock of the capture."""

import argparse
import csv
import json
import os
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

from netctl.sensor.device_id import DeviceIds
from netctl.sensor.footfall import Footfall
from netctl.sensor.pcap import BrokenCapture, read_frames
from netctl.sensor.probe_request import Discard, ProbeRequestParser, Sighting
from netctl.sensor.window import ESTIMATOR_VERSION, Count
from sync.model import to_wire

_BROKEN: Final = 1
_DIFFERENT: Final = 3
_COLUMNS: Final = ("at", "devices", "low", "high", "inside", "method", "naive_macs", "frames")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("capture", type=Path, metavar="FILE.pcap", help="a capture with radiotap headers")
    parser.add_argument(
        "--window", type=_seconds, default=300, metavar="SECONDS", help="length of a window (default: 300)"
    )
    inside = "a device at least this strong is inside (default: -65)"
    parser.add_argument("--inside-dbm", type=_dbm, default=-65, metavar="DBM", help=inside)
    parser.add_argument("--json", action="store_true", help="one JSON object a line instead of a table")
    parser.add_argument("--check", action="store_true", help="parse each frame with scapy too and compare")
    parser.add_argument(
        "--labels", type=Path, metavar="OUT.csv", help="write frame_index,device of each frame counted"
    )
    learn = "captures to learn from first, in this order"
    parser.add_argument(
        "--learn", type=Path, nargs="+", action="extend", default=[], metavar="OTHER.pcap", help=learn
    )


def run(arguments: argparse.Namespace) -> int:
    """Prints a line a window and then the total.

    Exit codes: 0; 1 a file broken (what was readable is counted), or the labels cannot be written; 3 scapy
    reads some frame differently.
    """
    counting = Counting(arguments.window, arguments.inside_dbm, check=arguments.check)
    show = _show_json if arguments.json else _show_row
    try:
        for path in arguments.learn:
            counting.learn(path)
        if not arguments.json:
            print(f"{'at':<20}", *(f"{column:>11}" for column in _COLUMNS[1:]))
        for count in counting.windows(arguments.capture):
            show(count, False)
        total = counting.total()
        if total is not None or not counting.broken:  # of what could not be read nothing is claimed
            show(total, True)
        sys.stdout.flush()
    except BrokenPipeError:
        # `… | head` has seen enough; a flush at exit must not complain (docs.python.org, "Note on SIGPIPE").
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    for sentence in counting.discarded() + counting.broken + counting.differences:
        print(f"yingke-net count: {sentence}", file=sys.stderr)
    if arguments.labels and not _write_labels(arguments.labels, counting.labels()):
        return _BROKEN
    if counting.broken:
        return _BROKEN
    return _DIFFERENT if counting.differences else 0


class Counting:
    """One run over a capture; `broken` and `differences` are sentences about what went wrong on the way."""

    def __init__(self, window_seconds: int, inside_dbm: int, *, check: bool = False) -> None:
        self.broken: list[str] = []
        self.differences: list[str] = []
        self._check = check
        self._discarded = dict.fromkeys(Discard, 0)
        self._parser = ProbeRequestParser()
        self._device_of: dict[int, int] = {}  # burst -> device
        self._burst_of: list[tuple[int, int]] = []  # frame, burst
        self._footfall = Footfall(
            # A capture names no time zone: the key changes at 04:00 UTC.
            DeviceIds(ZoneInfo("UTC")),
            window_seconds=window_seconds,
            inside_dbm=inside_dbm,
            assigned=self._device_of.__setitem__,
            keep_total=True,
        )

    def learn(self, path: Path) -> None:
        for _, sighting in self._sightings(path):
            self._footfall.hear(sighting)
        self._footfall.learn_only()
        self._discarded = dict.fromkeys(Discard, 0)

    def windows(self, path: Path) -> Iterator[Count]:
        for index, sighting in self._sightings(path):
            yield from self._footfall.hear(sighting)
            self._burst_of.append((index, self._footfall.burst_number))
        yield from self._footfall.finish()

    def total(self) -> Count | None:
        return self._footfall.total()

    def labels(self) -> Iterator[tuple[int, int]]:
        """Each frame counted, by its place in the file from 0, and its device."""
        for index, burst in self._burst_of:
            if burst in self._device_of:
                yield index, self._device_of[burst]

    def discarded(self) -> list[str]:
        said = {
            Discard.MALFORMED: "malformed frames were left out.",
            Discard.BAD_FCS: "frames with a wrong checksum were left out.",
            Discard.OTHER: "frames are no probe requests.",
        }
        return [f"{number} {said[why]}" for why, number in self._discarded.items() if number]

    def _sightings(self, path: Path) -> Iterator[tuple[int, Sighting]]:
        try:
            for index, (at, frame) in enumerate(read_frames(path)):
                sighting = self._parser.parse(frame, at)
                if self._check:
                    self._compare(index, frame, sighting)
                if isinstance(sighting, Discard):
                    self._discarded[sighting] += 1
                else:
                    yield index, sighting
        except BrokenCapture as error:
            self.broken.append(str(error))

    def _compare(self, index: int, frame: bytes, ours: Sighting | Discard) -> None:
        from netctl.sensor.oracle import difference

        if different := difference(frame, ours):
            self.differences.append(f"frame {index}: {different}")


def as_json(count: Count | None) -> dict[str, Any]:
    """What the contract names, and `passers_by` and `capped` beside it. None: nothing was heard at all."""
    if count is None:
        numbers = dict.fromkeys(("devices", "low", "high", "inside", "passers_by", "naive_macs", "frames"), 0)
        return {"at": None, "method": "association", "capped": False, **numbers} | {
            "estimator_version": ESTIMATOR_VERSION
        }
    return {
        "at": to_wire(datetime.fromtimestamp(count.started_at, UTC)),
        "devices": count.devices,
        "low": count.low,
        "high": count.high,
        "inside": count.inside,
        "passers_by": count.passers_by,
        "method": count.method,
        "naive_macs": count.naive_macs,
        "frames": count.frames,
        "capped": count.capped,
        "estimator_version": count.estimator_version,
    }


def _show_json(count: Count | None, is_total: bool) -> None:
    print(json.dumps({"total": as_json(count)} if is_total else as_json(count)))


def _show_row(count: Count | None, is_total: bool) -> None:
    row = as_json(count)
    at = "total" if is_total else row["at"][:19].replace("T", " ")
    print(f"{at:<20}", *(f"{row[column]:>11}" for column in _COLUMNS[1:]))


def _write_labels(path: Path, labels: Iterator[tuple[int, int]]) -> bool:
    try:
        with path.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(("frame_index", "device"))
            writer.writerows(labels)
    except OSError as error:
        print(f"yingke-net count: {path} cannot be written: {error.strerror}.", file=sys.stderr)
        return False
    return True


def _seconds(text: str) -> int:
    return _whole(text, 1, 86_400)


def _dbm(text: str) -> int:
    return _whole(text, -120, 0)


def _whole(text: str, low: int, high: int) -> int:
    if not text.lstrip("-").isdecimal() or not low <= int(text) <= high:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from {low} to {high}")
    return int(text)
