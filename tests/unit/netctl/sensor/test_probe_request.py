"""The parser reads what scapy reads, and nothing makes it fall over."""

import random
import struct
from itertools import islice, takewhile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netctl.sensor import oracle
from netctl.sensor.pcap import read_frames
from netctl.sensor.probe_request import Discard, ProbeRequestParser, Sighting, fingerprint
from tests.lab.radio import air, element, probe_request

MAC = bytes.fromhex("02005e100001")
FRAME = probe_request(MAC, 1234, -57, element(0, b"Home of the Zhangs") + element(1, b"\x02\x04\x0b\x16"))
BODY = FRAME[15:]


def parse(frame: bytes) -> Sighting | Discard:
    return ProbeRequestParser().parse(frame, 1000.5)


def radiotap(present: list[int], fields: bytes) -> bytes:
    words = b"".join(struct.pack("<I", word) for word in present)
    return struct.pack("<BBH", 0, 0, 4 + len(words) + len(fields)) + words + fields


def test_a_probe_request_says_who_how_strong_and_where_in_its_count() -> None:
    sighting = parse(FRAME)
    assert isinstance(sighting, Sighting)
    assert (sighting.at, sighting.mac, sighting.sequence, sighting.signal_dbm) == (1000.5, MAC, 1234, -57)


def test_what_is_not_told_is_not_invented() -> None:
    sighting = parse(radiotap([0], b"") + BODY)
    assert isinstance(sighting, Sighting)
    assert sighting.signal_dbm is None


@pytest.mark.parametrize(
    ("present", "fields"),
    [
        ([1 << 0 | 1 << 5], struct.pack("<Qb", 7, -40)),
        ([1 << 1 | 1 << 2 | 1 << 5], struct.pack("<BBb", 0, 2, -40)),
        # The channel lies on an even address: a byte of padding comes before it.
        ([1 << 2 | 1 << 3 | 1 << 5], struct.pack("<BxHHb", 2, 2412, 0xA0, -40)),
        # Two more words repeat the signal for each antenna; the time stamp lies on a multiple of eight.
        (
            [1 << 0 | 1 << 5 | 1 << 29 | 1 << 31, 1 << 5 | 1 << 29 | 1 << 31, 1 << 5],
            struct.pack("<Qbbb", 7, -40, -70, -80),
        ),
        # A vendor's own fields after ours are no concern of ours.
        ([1 << 5 | 1 << 30 | 1 << 31, 0xFF], struct.pack("<bxBBBBH3s", -40, 0, 1, 2, 0, 3, b"abc")),
    ],
)
def test_the_signal_is_found_in_every_layout_of_the_header(present: list[int], fields: bytes) -> None:
    start = 4 + 4 * len(present)
    padding = b"\0" * (-start % 8) if present[0] & 1 else b""
    sighting = parse(radiotap(present, padding + fields) + BODY)
    assert isinstance(sighting, Sighting)
    assert (sighting.signal_dbm, sighting.mac) == (-40, MAC)


def test_a_checksum_at_the_end_is_no_element() -> None:
    with_checksum = radiotap([1 << 1], b"\x10") + BODY + b"\xdd\xff\x00\x50"
    without = radiotap([1 << 1], b"\x00") + BODY
    ours, same = parse(with_checksum), parse(without)
    assert isinstance(ours, Sighting)
    assert isinstance(same, Sighting)
    assert ours.fingerprint == same.fingerprint


def test_a_frame_whose_checksum_was_wrong_is_left_out() -> None:
    assert parse(radiotap([1 << 1], b"\x50") + BODY + b"\0\0\0\0") is Discard.BAD_FCS


@pytest.mark.parametrize("frame_control", [0x80, 0x50, 0x48, 0x41, 0x00])
def test_other_frames_are_not_probe_requests(frame_control: int) -> None:
    assert parse(FRAME[:15] + bytes((frame_control,)) + FRAME[16:]) is Discard.OTHER


def test_a_frame_cut_anywhere_within_its_header_or_an_element_is_malformed() -> None:
    whole_elements = {len(FRAME), len(FRAME) - 6, len(FRAME) - 6 - 20}
    for length in range(len(FRAME)):
        outcome = parse(FRAME[:length])
        assert isinstance(outcome, Sighting) == (length in whole_elements), length


def test_the_name_of_a_network_asked_for_does_not_leave_the_parser() -> None:
    anonymous = FRAME.replace(element(0, b"Home of the Zhangs"), element(0, b""))
    assert parse(FRAME) == parse(anonymous)
    assert b"Zhang" not in repr(parse(FRAME)).encode()


def test_a_phone_keeps_its_fingerprint_from_scan_to_scan() -> None:
    always = element(1, b"\x02\x04\x0b\x16") + element(45, bytes(26))
    for first, second in [
        (element(3, b"\x01"), element(3, b"\x0b")),
        (element(221, b"\x00\x50\xf2\x08\x00\x12"), element(221, b"\x00\x50\xf2\x08\x01\x34\x56")),
        (element(255, b"\x02\x2a"), element(255, b"\x02\x46")),
        (
            element(127, bytes.fromhex("0000080000000040")),
            element(127, bytes.fromhex("00000804000000400000")),
        ),
        (element(45, bytes.fromhex("2d00") + bytes(24)), element(45, bytes.fromhex("2140") + bytes(24))),
    ]:
        assert fingerprint(always + first) == fingerprint(always + second) != fingerprint(always)


def test_another_model_has_another_fingerprint() -> None:
    wps = element(221, b"\x00\x50\xf2\x04\x01")
    assert fingerprint(element(45, bytes(26))) != fingerprint(element(45, b"\x01" + bytes(25)))
    assert fingerprint(wps) != fingerprint(element(221, b"\x00\x50\xf2\x04\x02"))


@settings(max_examples=500, deadline=None)
@given(st.binary(max_size=400))
def test_no_bytes_at_all_make_the_parser_fall_over(frame: bytes) -> None:
    assert parse(frame) is not None


def test_ten_thousand_damaged_frames_are_read_or_left_out() -> None:
    chance = random.Random(1)
    frames = [frame for _, _, frame in islice(air(1, 0.0), 200)]
    parser = ProbeRequestParser()
    outcomes = set()
    for _ in range(10_000):
        frame = bytearray(chance.choice(frames))
        for _ in range(chance.randint(1, 6)):
            frame[chance.randrange(len(frame))] = chance.randrange(256)
        outcome = parser.parse(bytes(frame[: chance.randint(0, len(frame))]), 0.0)
        outcomes.add(outcome if isinstance(outcome, Discard) else None)
    assert outcomes == {*Discard, None}


def test_what_it_remembers_is_bounded() -> None:
    parser = ProbeRequestParser()
    for number in range(10_000):
        elements = element(0, b"") + element(221, number.to_bytes(4, "big"))
        header = radiotap([0 if number % 2 else 1 << 5 | number << 6 & 0xFFC0], bytes(64))
        parser.parse(probe_request(MAC, 0, -50, elements), 0.0)
        parser.parse(header + BODY, 0.0)
    assert len(parser._fingerprints) <= 4096
    assert len(parser._layouts) <= 256


def test_it_reads_generated_air_as_scapy_does() -> None:
    parser = ProbeRequestParser()
    for at, _, frame in takewhile(lambda heard: heard[0] < 300, air(3, 0.0)):
        assert oracle.difference(frame, parser.parse(frame, at)) is None


def test_it_reads_real_phones_as_scapy_does(single_phones: Path) -> None:
    parser = ProbeRequestParser()
    chance = random.Random(2)
    for path in chance.sample(sorted(single_phones.rglob("*.pcap")), 40):
        frames = list(read_frames(path))
        for at, frame in chance.sample(frames, min(20, len(frames))):
            assert oracle.difference(frame, parser.parse(frame, at)) is None, path.name
