"""What the gate can be asked, line by line."""

import json
from datetime import UTC, datetime
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netctl.api import (
    REQUESTS,
    Admit,
    Answer,
    AskDevices,
    AskHealth,
    AskStation,
    AskStations,
    AskStatus,
    Device,
    Devices,
    ExpelStation,
    Fact,
    ForgetDevice,
    Noted,
    Refusal,
    Request,
    Seen,
    Session,
    SetDevice,
    SignOut,
    Station,
    StationSeen,
    StationsSeen,
    Step,
    TakePass,
    WatchJournal,
    WatchPresences,
    answer_line,
    parse_answer,
    parse_ip,
    parse_mac,
    parse_request,
    request_line,
)
from netctl.wire import Malformed

EIGHT = datetime(2026, 1, 31, 8, tzinfo=UTC)
DEVICE = Device(device_id="d", kind="allowed", name="the till", station_code=None, added_at=EIGHT)
SESSION = Session(
    session_id="01J00000000000000000000000",
    lead_id=None,
    method="form",
    started_at=datetime(2026, 1, 31, 8, tzinfo=UTC),
    seconds_granted=3600,
    seconds_left=3599,
    bytes_up=1,
    bytes_down=2,
)


@pytest.mark.parametrize(
    "request_",
    [
        Admit(request_id="r", ip=ip_address("10.77.0.9")),
        AskStation(ip=ip_address("fd77::1")),
        SignOut(ip=ip_address("10.77.0.9")),
        TakePass(ip=ip_address("10.77.0.9")),
        ExpelStation(station="ABCD"),
        SetDevice(station="ABCD", kind="blocked", name="the till"),
        ForgetDevice(device_id="d"),
        AskDevices(),
        AskStations(),
        Seen(facts=(Fact(ip=ip_address("10.77.0.9"), step="check", detail="Apple", count=3),)),
        AskStatus(station="ABCD"),
        AskStatus(),
        AskHealth(),
        WatchPresences(after=7),
        WatchJournal(after=7),
    ],
)
def test_a_request_arrives_as_it_was_sent(request_: Request) -> None:
    line = request_line(request_)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert parse_request(line) == request_


def test_the_admit_request_looks_as_agreed() -> None:
    line = request_line(Admit(request_id="r1", ip=ip_address("10.77.0.9")))
    assert line == b'{"request":"admit","request_id":"r1","ip":"10.77.0.9"}\n'


@pytest.mark.parametrize(
    "answer",
    [
        SESSION,
        Station(ip=ip_address("10.77.0.9"), station_code="ABCD", captive=False, session=SESSION),
        Station(ip=ip_address("10.77.0.9"), station_code="ABCD", captive=True, session=None),
        DEVICE,
        Devices(devices=(DEVICE,)),
        Devices(devices=()),
        StationsSeen(
            stations_seen=(
                StationSeen(
                    station_code="ABCD",
                    present=True,
                    captive=True,
                    why="new",
                    steps=(Step(step="check", at=EIGHT, detail="Apple", count=2, last_at=EIGHT),),
                ),
            )
        ),
        Noted(count=2),
        Refusal(key="unknown_station", message="Nobody is at 10.77.0.9.", hint="Reconnect."),
    ],
)
def test_an_answer_arrives_as_it_was_sent(answer: Answer) -> None:
    assert parse_answer(answer_line(answer)) == answer


def test_keys_a_newer_gate_adds_are_ignored() -> None:
    assert parse_answer(b'{"error":{"key":"k","message":"m","hint":"","since":3},"trace":1}\n') == Refusal(
        key="k", message="m"
    )


@pytest.mark.parametrize(
    ("line", "named"),
    [
        (b"", "not JSON"),
        (b"[" * 50_000, "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b"[]", "JSON object"),
        (b"{}", "`request`"),
        (b'{"request":"open_all"}', "`request`"),
        (b'{"request":["admit"]}', "`request`"),
        (b'{"request":"admit"}', "`request_id`"),
        (b'{"request":"admit","request_id":1,"ip":"10.77.0.9"}', "`request_id`"),
        (b'{"request":"admit","request_id":"r","ip":"10.77.0.999"}', "`ip`"),
        (b'{"request":"admit","request_id":"r","ip":"02:00:5e:10:00:01"}', "`ip`"),
        (b'{"request":"admit","request_id":"r","ip":"10.77.0.9","mac":"02:00:5e:10:00:01"}', "`mac`"),
        (b'{"request":"expel","station":"ABCD","deauthenticate":1}', "`deauthenticate`"),
        (b'{"request":"set_device","station":"ABCD","kind":"free","name":""}', "`kind`"),
        (b'{"request":"seen","facts":{}}', "`facts`"),
        (b'{"request":"seen","facts":[{"ip":"10.77.0.9","step":"admitted"}]}', "`facts.step`"),
        (b'{"request":"presences","after":true}', "`after`"),
        (b'{"request":"presences","after":1e400}', "`after`"),
        (b'{"request":"presences","after":99999999999999999999}', "`after`"),
        (b'{"request":"status","station":"a\\u0000b"}', "`station`"),
    ],
)
def test_a_wrong_line_is_answered_with_what_is_wrong(line: bytes, named: str) -> None:
    with pytest.raises(Malformed, match=named):
        parse_request(line)


def complaint(line: bytes) -> str | None:
    try:
        parse_request(line)
    except Malformed as error:
        return str(error)
    return None


def test_half_a_letter_of_unicode_is_refused_and_can_be_named() -> None:
    assert complaint(rb'{"request":"status","station":"\ud800"}') == "`station` must be text"
    refused = Refusal(key="bad_request", message="`\ud800` is not known here")
    assert b"ud800" in answer_line(refused)


@given(st.binary(max_size=200))
def test_no_bytes_do_worse_than_be_refused(line: bytes) -> None:
    assert complaint(line) != ""


FIELDS = st.sampled_from(["request", "ip", "request_id", "station", "after"])
VALUES = st.sampled_from([*REQUESTS, "10.77.0.9", "", None, True, 1.5]) | st.integers() | st.floats()


@given(st.dictionaries(FIELDS, VALUES))
def test_no_object_does_worse_than_be_refused(value: dict[str, object]) -> None:
    assert complaint(json.dumps(value).encode()) != ""


@pytest.mark.parametrize("text", ["02005E100001", "02-00-5E-10-00-01", "0200.5e10.0001", "02:00:5e:10:00:01"])
def test_a_mac_is_read_in_every_usual_spelling(text: str) -> None:
    assert parse_mac(text) == "02:00:5e:10:00:01"


@pytest.mark.parametrize(
    "text", ["", "02:00:5e:10:00", "01:00:5e:00:00:01", "ff:ff:ff:ff:ff:ff", "zz:00:5e:10:00:01"]
)
def test_what_is_no_stations_mac_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="address"):
        parse_mac(text)


def test_an_ipv4_socket_on_ipv6_names_an_ipv4_address() -> None:
    assert parse_ip("::ffff:10.77.0.9") == ip_address("10.77.0.9")
    assert parse_ip("fe80::1%br-lan") == ip_address("fe80::1")
