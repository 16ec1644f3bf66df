"""`yingke-net`: the network's daemons, and questions to them."""

import argparse
import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

from netctl.api import StationStatus, Status
from sync.config import DEFAULT_PATH, Config, ConfigErrors, load


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns the exit code: 0 done, 1 failed, 2 wrong settings or wrong usage."""
    words = sys.argv[1:] if arguments is None else list(arguments)
    args = _parser(counts="count" in words).parse_args(words)
    is_count = args.command == "count"
    try:
        # A capture is counted on any desk, without a box's settings.
        config = None if is_count and args.config is None else load(args.config or DEFAULT_PATH)
    except ConfigErrors as error:
        print(error, file=sys.stderr)
        return 2
    if is_count or config is None:
        from netctl.sensor import count

        return count.run(args)
    return int(_COMMANDS[args.command](args, config))


def _gate(args: argparse.Namespace, config: Config) -> int:
    from netctl.gate import process as gate_process
    from sync import process

    return process.main(gate_process.run, config)


def _sensor(args: argparse.Namespace, config: Config) -> int:
    from netctl.sensor import sensor
    from sync import process

    return process.main(sensor.run, config)


def _status(args: argparse.Namespace, config: Config) -> int:
    from netctl.client import GateClient, GateRefused, GateUnavailable

    client = GateClient(config.venue.run_dir / "gate.sock", timeout_seconds=10)
    try:
        status = asyncio.run(client.status(args.station))
    except GateUnavailable as error:
        print(f"{error}. Is yingke-gate.service running?", file=sys.stderr)
        return 1
    except GateRefused as error:
        print(f"{error.message} {error.hint}".strip(), file=sys.stderr)
        return 1
    if args.json:
        from netctl.api import answer_line

        sys.stdout.write(answer_line(status).decode())
    else:
        print(told(status))
    return 0 if not status.gate.problems else 1


def _render(args: argparse.Namespace, config: Config) -> int:
    from netctl.lan import access_point
    from netctl.linux import links

    has_ipv6 = links.uplink_has_ipv6(config)
    if args.write:
        for file in access_point.write(config, has_ipv6):
            print(file)
        return 0
    for name, text in access_point.render(config, has_ipv6).items():
        print(f"### {name}\n{text}")
    return 0


def _apply(args: argparse.Namespace, config: Config) -> int:
    from netctl.lan.apply import NotApplied, apply

    try:
        for file in apply(config):
            print(file)
    except NotApplied as reason:
        print(reason, file=sys.stderr)
        return 1
    return 0


_COMMANDS = {"gate": _gate, "sensor": _sensor, "status": _status, "render": _render, "apply": _apply}


def told(status: Status) -> str:
    """The gate's answer as lines for a person."""
    gate = status.gate
    lines = [f"{gate.present} stations here, {gate.admitted} admitted."]
    lines += [f"PROBLEM {problem}" for problem in gate.problems]
    return "\n".join(lines + [_station_line(station) for station in status.stations])


def _station_line(station: StationStatus) -> str:
    address = str(station.ips[0]) if station.ips else "no address"
    here = "here" if station.present else "away"
    return f"{station.station_code or '----'}  {address:<15}  {station.mac}  {here}  {station.why}"


def _parser(counts: bool) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="yingke-net", description="The network of a Yingke box.")
    config = argparse.ArgumentParser(add_help=False)
    meaning = f"settings (default: {DEFAULT_PATH})"
    parser.add_argument("--config", type=Path, metavar="FILE", help=meaning)
    # Before or after the command; here without a default, which would undo the one before it.
    config.add_argument("--config", type=Path, default=argparse.SUPPRESS, metavar="FILE", help=meaning)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands.add_parser("gate", parents=[config], help="run the gate: who may pass", description=_GATE)
    commands.add_parser(
        "sensor", parents=[config], help="run the sensor: who passes by, enters, stays", description=_SENSOR
    )
    status = commands.add_parser(
        "status", parents=[config], help="who is admitted, and why a station is not", description=_STATUS
    )
    status.add_argument(
        "station", nargs="?", metavar="STATION", help="its four letters, its IP or its MAC; default: all"
    )
    status.add_argument("--json", action="store_true", help="the gate's answer as one JSON object")
    counting = commands.add_parser("count", help="count the devices in a capture", parents=[config])
    if counts:  # else the daemons would start with what only counting needs
        from netctl.sensor import count

        count.add_arguments(counting)
    render = commands.add_parser(
        "render", parents=[config], help="what hostapd and dnsmasq will be told", description=_RENDER
    )
    render.add_argument("--write", action="store_true", help="into <run_dir>/rendered instead of printing it")
    commands.add_parser(
        "apply", parents=[config], help="check, install and reload what was rendered", description=_APPLY
    )
    return parser


_GATE = "Loads the packet filter, admits and expels stations, and listens on <run_dir>/gate.sock."
_SENSOR = "Counts devices in the air and stations on the WiFi, without keeping a hardware address of the air."
_STATUS = "Asks the running gate. Take root: the answer names hardware addresses."
_RENDER = "Prints the configuration of hostapd and dnsmasq as the settings make it."
_APPLY = "Run by root (yingke-apply.service): dnsmasq --test, install under /etc, restart."


if __name__ == "__main__":
    sys.exit(main())
