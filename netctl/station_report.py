"""What the gate answered as lines for a person: who is here, and one station's way through the gate. Pure."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from netctl.api import Device, StationStatus, Status, Step
from netctl.gate.trace import sentence

_NAMES: Final = {
    "joined": "joined the WiFi",
    "lease": "got its address",
    "check": "connectivity check",
    "portal": "portal opened",
    "form": "form sent",
    "admitted": "admitted",
    "refused": "refused",
    "ended": "session ended",
    "cloned": "same MAC seen twice",
}
# What a station that becomes admitted passes through, in this order.
_WAY: Final = ("lease", "check", "portal", "form", "admitted")


_LINE_DOWN: Final = "The internet line is down: shoppers register, and are online as soon as it is back."
# Isolation of clients is the access point's own business, and so is sending one away (IEEE 802.11).
_NOT_OURS: Final = (
    "On {ports} is no radio of ours: guests behind it may reach each other, unless its access points and"
    " switches keep them apart, and no phone can be made to join again."
)


def everybody(status: Status, foreign_ports: Sequence[str]) -> str:
    """A line a station. `foreign_ports`: those of the LAN behind which others forward."""
    gate = status.gate
    lines = [f"{gate.present} station{'' if gate.present == 1 else 's'} here, {gate.admitted} admitted."]
    lines += [f"PROBLEM {problem}" for problem in gate.problems]
    if not gate.uplink:
        lines.append(f"NOTE {_LINE_DOWN}")
    if foreign_ports:
        lines.append(f"NOTE {_NOT_OURS.format(ports=', '.join(foreign_ports))}")
    return "\n".join(lines + [_line(station) for station in status.stations])


def one(station: StationStatus, zone: ZoneInfo) -> str:
    """Why did the portal not pop up? Its steps as a table, what is missing there, and the likely reason."""
    lines = [_line(station), ""]
    lines += [_step(step, zone) for step in station.steps]
    seen = {step.step for step in station.steps}
    missing = [_NAMES[kind] for kind in _WAY if kind not in seen]
    if station.captive and station.present and missing:
        lines.append(f"{'never':<20}{', '.join(missing)}")
    likely = sentence(station.steps, station.captive, station.present)
    if likely:
        lines += ["", likely]
    return "\n".join(lines)


def devices(known: Sequence[Device]) -> str:
    """A line a device; its id is what `forget` takes."""
    if not known:
        return "No device is allowed or blocked."
    return "\n".join(
        f"{device.device_id}  {device.kind:<7}  {device.station_code or '----'}  {device.name}"
        for device in known
    )


def _line(station: StationStatus) -> str:
    address = str(station.ips[0]) if station.ips else "no address"
    here = "here" if station.present else "away"
    return f"{station.station_code or '----'}  {address:<15}  {station.mac}  {here}  {station.why}"


def _step(step: Step, zone: ZoneInfo) -> str:
    again = f"{step.count} times" if step.count > 1 else ""
    last = f"last at {_time(step.last_at, zone)}" if step.last_at else ""
    told = ", ".join(filter(None, [step.detail, again, last]))
    return f"{_time(step.at, zone):<20}{_NAMES[step.step]:<22}{told}".rstrip()


def _time(at: datetime, zone: ZoneInfo) -> str:
    return at.astimezone(zone).strftime("%m-%d %H:%M:%S")
