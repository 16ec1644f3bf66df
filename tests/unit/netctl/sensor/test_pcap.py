"""Captures of every make are read as far as they are whole."""

import struct
from pathlib import Path

import pytest

from netctl.sensor.pcap import BrokenCapture, read_frames
from tests.lab.radio import write_pcap

FRAMES = [(1_700_000_000.25, b"first"), (1_700_000_001.5, b"second")]


@pytest.fixture
def capture(tmp_path: Path) -> Path:
    path = tmp_path / "air.pcap"
    write_pcap(path, FRAMES)
    return path


def test_frames_come_with_their_times(capture: Path) -> None:
    assert list(read_frames(capture)) == FRAMES


@pytest.mark.parametrize(
    ("order", "magic", "half"), [(">", 0xA1B2C3D4, 500_000), ("<", 0xA1B23C4D, 500_000_000)]
)
def test_both_byte_orders_and_nanoseconds_are_read(tmp_path: Path, order: str, magic: int, half: int) -> None:
    path = tmp_path / "other.pcap"
    header = struct.pack(f"{order}IHHiIII", magic, 2, 4, 0, 0, 65535, 127)
    path.write_bytes(header + struct.pack(f"{order}IIII", 1000, half, 5, 5) + b"frame")
    assert list(read_frames(path)) == [(1000.5, b"frame")]


def test_what_precedes_a_break_is_read_and_the_break_told(capture: Path) -> None:
    for lost_bytes in (1, 5, 6, 10, 20):
        cut = capture.with_name("cut.pcap")
        cut.write_bytes(capture.read_bytes()[:-lost_bytes])
        heard: list[tuple[float, bytes]] = []
        with pytest.raises(BrokenCapture, match=r"ends in the middle of .*frame 2\."):
            heard.extend(read_frames(cut))
        assert heard == FRAMES[:1]


def test_a_lying_length_takes_no_memory(capture: Path) -> None:
    capture.write_bytes(capture.read_bytes() + struct.pack("<IIII", 0, 0, 2**31, 2**31))
    with pytest.raises(BrokenCapture, match="frame 3 has 2147483648 bytes"):
        list(read_frames(capture))


@pytest.mark.parametrize(
    ("contents", "reason"),
    [
        (b"", "is no pcap file"),
        (b"root:x:0:0:root:/root:/bin/sh", "is no pcap file"),
        (b"\x0a\x0d\x0d\x0a" + bytes(28), "editcap"),
        (b"\xd4\xc3\xb2\xa1" + bytes(5), "middle of its header"),
        (struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1) + bytes(16), "link type 1, not 127"),
    ],
)
def test_another_kind_of_file_is_called_what_it_is(tmp_path: Path, contents: bytes, reason: str) -> None:
    path = tmp_path / "other"
    path.write_bytes(contents)
    with pytest.raises(BrokenCapture, match=reason):
        list(read_frames(path))


def test_a_missing_file_is_told_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(BrokenCapture, match="No such file"):
        list(read_frames(tmp_path / "nowhere.pcap"))


def test_an_empty_capture_of_any_kind_holds_nothing(tmp_path: Path) -> None:
    path = tmp_path / "empty.pcap"
    path.write_bytes(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
    assert list(read_frames(path)) == []
