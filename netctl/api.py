"""What the gate can be asked, and what it answers: JSON lines on a unix socket.

One request a line, `{"request": "admit", …}`; one answer a line, in order, named after what it holds:
`{"session": {…}}`, `{"station": {…}}`, `{"error": {"key", "message", "hint"}}`. An **IP** is named in a
request, never a MAC: whose station that is, the gate finds out itself.
"""

import json
from dataclasses import dataclass
from datetime import datetime
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any, Literal, NewType

from netctl.wire import Malformed, decode, encode

LONGEST_REQUEST_BYTES = 64 * 1024
LONGEST_ANSWER_BYTES = 64 * 1024 * 1024

Mac = NewType("Mac", str)
"""A station's hardware address as `aa:bb:cc:dd:ee:ff`, lower case."""

Ip = IPv4Address | IPv6Address
Method = Literal["form", "voucher", "staff_code", "roaming", "follow", "temporary_pass"]
EndReason = Literal[
    "expired", "signed_out", "expelled", "lost_at_reboot", "quota", "idle", "closed", "blocked"
]
Why = Literal[
    "new",
    "expired",
    "quota",
    "idle",
    "closed",
    "blocked",
    "signed_out",
    "expelled",
    "pass_over",
    "allowed",
    "admitted",
]
"""Why a station is captive, or (the last two) why it is not."""

DeviceKind = Literal["allowed", "blocked"]
StepKind = Literal["joined", "lease", "check", "portal", "form", "admitted", "refused", "ended", "cloned"]


def parse_mac(text: str) -> Mac:
    """A unicast hardware address in any usual spelling. Raises ValueError."""
    digits = text.lower().replace(":", "").replace("-", "").replace(".", "")
    if len(digits) != 12 or not all(digit in "0123456789abcdef" for digit in digits):
        raise ValueError(f"{text!r} is not a MAC address such as 02:00:5e:10:00:01")
    if int(digits[:2], 16) & 1:
        raise ValueError(f"{text!r} is a group address, no station's")
    return Mac(":".join(digits[at : at + 2] for at in range(0, 12, 2)))


def parse_ip(text: str) -> Ip:
    """An address as a socket names it: a scope (`fe80::1%br0`) is dropped, a mapped IPv4 is an IPv4."""
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        raise ValueError(f"{text!r} is not an IP address") from None
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


# --- what is asked ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Admit:
    """Open the gate for the station at `ip`, as the records' admission request `request_id` says."""

    request_id: str
    ip: Ip


@dataclass(frozen=True, slots=True, kw_only=True)
class AskStation:
    """Who is at `ip`, and is the gate open for them?"""

    ip: Ip


@dataclass(frozen=True, slots=True, kw_only=True)
class SignOut:
    """The shopper at `ip` is done: end the session."""

    ip: Ip


@dataclass(frozen=True, slots=True, kw_only=True)
class AskStatus:
    """How is the gate, and every station (or the one with this MAC, IP or station code)?"""

    station: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AskHealth:
    """Is the gate well?"""


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchPresences:
    """Each join and leave after `after`, from the gate's store first, then as they happen."""

    after: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchJournal:
    """Each beginning, extension and end of a session after `after`, with its MAC: for the legal log."""

    after: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class TakePass:
    """A few slow minutes for the station at `ip`, to follow an account or to read a mail.

    While one runs (or any session does) it is answered again and none is counted.
    """

    ip: Ip


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpelStation:
    """End the session of this station (its code, IP or MAC). `deauthenticate`: throw it off our access point
    too, so that it joins anew and its phone checks the connection; that takes an access point of our own."""

    station: str
    deauthenticate: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class SetDevice:
    """From now on this station (its code, IP or MAC) is always admitted, or never."""

    station: str
    kind: DeviceKind
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ForgetDevice:
    """The device is a station like any other again."""

    device_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AskDevices:
    """Which devices are allowed or blocked?"""


@dataclass(frozen=True, slots=True, kw_only=True)
class AskStations:
    """Who is here, and what did each do until now? For the owner: without a MAC."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """What the portal saw of the station at `ip`, `count` times since it last told. `detail`: a few words
    on it, such as who asked ("Apple")."""

    ip: Ip
    step: Literal["check", "portal", "form"]
    detail: str = ""
    count: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """The portal tells what it saw; at most once a second, and at most some hundred facts a time."""

    facts: tuple[Fact, ...]


Request = (
    Admit
    | AskStation
    | SignOut
    | TakePass
    | ExpelStation
    | SetDevice
    | ForgetDevice
    | AskDevices
    | AskStations
    | Seen
    | AskStatus
    | AskHealth
    | WatchPresences
    | WatchJournal
)
REQUESTS: dict[str, type[Any]] = {
    "admit": Admit,
    "station": AskStation,
    "sign_out": SignOut,
    "pass": TakePass,
    "expel": ExpelStation,
    "set_device": SetDevice,
    "forget_device": ForgetDevice,
    "devices": AskDevices,
    "stations": AskStations,
    "seen": Seen,
    "status": AskStatus,
    "health": AskHealth,
    "presences": WatchPresences,
    "journal": WatchJournal,
}
REQUEST_NAMES: dict[type[Any], str] = {cls: name for name, cls in REQUESTS.items()}

# --- what is answered ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One admission of a station, as those outside the gate see it.

    `seconds_left`: until it ends by itself, by its own length or because the store closes. `bytes_left`: of
    its own volume or of the station's day, whichever is less; None without a limit. `deauthenticated`: on
    `expel`, whether our access point threw the station off; it may have none. `roaming_code`: takes the
    session along to another store of the brand, as she reads it; None where that is not offered.
    """

    session_id: str
    lead_id: str | None
    method: str
    started_at: datetime
    seconds_granted: int
    seconds_left: int
    bytes_up: int
    bytes_down: int
    ended_at: datetime | None = None
    reason: str | None = None
    bytes_left: int | None = None
    deauthenticated: bool = False
    roaming_code: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Station:
    """A device on our WiFi. `station_code`: four letters a shopper can read out.

    A device the owner allowed is not captive and has no session (`why` is "allowed"). `passes_left`: the
    temporary passes of today. `uplink`: whether the internet answers. `opens_at`: None while the store admits
    guests.
    """

    ip: Ip
    station_code: str
    captive: bool
    session: Session | None
    why: str = "new"
    uplink: bool = True
    passes_left: int = 0
    opens_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing that happened to a station on its way through the gate. `at`: the first time; `last_at` and
    `count` when it happened again."""

    step: StepKind
    at: datetime
    detail: str = ""
    count: int = 1
    last_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StationSeen:
    """A station for the owner's page. `why` is a key (`Why`)."""

    station_code: str
    present: bool
    captive: bool
    why: str
    steps: tuple[Step, ...]
    session: Session | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StationsSeen:
    """All that are here."""

    stations_seen: tuple[StationSeen, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """A device that is always admitted or never. `station_code`: None while it is not here."""

    device_id: str
    kind: DeviceKind
    name: str
    station_code: str | None
    added_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Devices:
    """All of them, the last one first."""

    devices: tuple[Device, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Noted:
    """How many of the facts were of a station we know."""

    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StationStatus:
    """A station for those who look after the box; `why` says in a sentence why it is (not) admitted.

    The one answer that holds a MAC; it is given to root and to the gate's own user only.
    """

    mac: Mac
    ips: tuple[Ip, ...]
    station_code: str
    present: bool
    captive: bool
    why: str
    last_seen_at: datetime | None
    session: Session | None
    steps: tuple[Step, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class GateStatus:
    """How many are admitted, how many are here, what is wrong, and whether the internet answers."""

    admitted: int
    present: int
    started_at: datetime
    problems: tuple[str, ...]
    uplink: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """The gate and its stations."""

    gate: GateStatus
    stations: tuple[StationStatus, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """`ok`, or what is wrong, a sentence each. `compared_at`: when wish and kernel were last compared.

    `uplink`: whether the internet answers; a store without it is well all the same. `present`: stations here.
    """

    ok: bool
    compared_at: datetime | None
    problems: tuple[str, ...]
    uplink: bool = True
    present: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Presence:
    """A station joined (`left_at` is None) or left. `visit_id` is born with the join and joins the two."""

    seq: int
    kind: Literal["joined", "left"]
    visit_id: str
    mac: Mac
    joined_at: datetime
    left_at: datetime | None
    session_id: str | None
    lead_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalLine:
    """What became of a session. `clock`: whether `at` was right, as far as known when it was last saved."""

    seq: int
    what: Literal["started", "extended", "ended"]
    at: datetime
    clock: Literal["synced", "unsynced"]
    session_id: str
    mac: Mac
    lead_id: str | None
    method: str
    reason: str | None
    bytes_up: int
    bytes_down: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why the gate did not do it."""

    key: str
    message: str
    hint: str = ""


Answer = (
    Session
    | Station
    | StationsSeen
    | Device
    | Devices
    | Noted
    | Status
    | Health
    | Presence
    | JournalLine
    | Refusal
)
ANSWERS: dict[str, type[Any]] = {
    "session": Session,
    "station": Station,
    "device": Device,
    "noted": Noted,
    "health": Health,
    "presence": Presence,
    "line": JournalLine,
    "error": Refusal,
}
ANSWER_NAMES: dict[type[Any], str] = {cls: name for name, cls in ANSWERS.items()}
# Those whose first field gives the line its name.
_LISTS: dict[str, type[Any]] = {"gate": Status, "stations_seen": StationsSeen, "devices": Devices}


def parse_request(line: bytes) -> Request:
    """One line -> what is asked. Raises `Malformed` with a sentence for whoever wrote it."""
    value = _parse_object(line)
    name = value.pop("request", None)
    if not isinstance(name, str) or name not in REQUESTS:
        raise Malformed(f"`request` must be one of {', '.join(REQUESTS)}")
    request: Request = decode(REQUESTS[name], value, strict=True)
    return request


def request_line(request: Request) -> bytes:
    """What is asked -> one line, with its newline."""
    return _line({"request": REQUEST_NAMES[type(request)], **encode(request)})


def parse_answer(line: bytes) -> Answer:
    """One line -> the answer. Keys that a newer gate adds are ignored. Raises `Malformed`."""
    value = _parse_object(line)
    answer: Answer
    for name, cls in _LISTS.items():
        if name in value:
            answer = decode(cls, value, strict=False)
            return answer
    for name, cls in ANSWERS.items():
        if name in value:
            answer = decode(cls, value[name], strict=False)
            return answer
    raise Malformed("the answer names none of " + ", ".join([*_LISTS, *ANSWERS]))


def answer_line(answer: Answer) -> bytes:
    """The answer -> one line, with its newline."""
    if type(answer) in _LISTS.values():
        return _line(encode(answer))
    return _line({ANSWER_NAMES[type(answer)]: encode(answer)})


def _parse_object(line: bytes) -> dict[str, Any]:
    try:
        value = json.loads(line)
    # Deeply nested brackets end the parser's recursion, not the gate.
    except (ValueError, RecursionError):
        raise Malformed("the line is not JSON") from None
    if not isinstance(value, dict):
        raise Malformed("the line must be a JSON object")
    return value


def _line(value: dict[str, Any]) -> bytes:
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    # A refusal may name a key as it came, which need not be Unicode.
    return text.encode(errors="backslashreplace") + b"\n"
