"""`yingke-net`: the network's daemons, and questions to them."""

import argparse
import asyncio
import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from zoneinfo import ZoneInfo

from netctl.api import Device, DeviceKind
from netctl.legal import cli as legal_log
from sync.config import DEFAULT_PATH, Config, ConfigErrors, load

if TYPE_CHECKING:
    from netctl.client import GateClient

T = TypeVar("T")


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns the exit code: 0 done, 1 failed, 2 wrong settings or wrong usage."""
    words = sys.argv[1:] if arguments is None else list(arguments)
    args = _parser(counts="count" in words).parse_args(words)
    is_count = args.command == "count"
    is_log = args.command == "legal-log"
    # A capture is counted and a legal log read on any desk, without a box's settings.
    anywhere = is_count or (is_log and not legal_log.needs_config(args))
    try:
        config = None if anywhere and args.config is None else load(args.config or DEFAULT_PATH)
    except ConfigErrors as error:
        print(error, file=sys.stderr)
        return 2
    if is_log:
        return legal_log.run(args, config)
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
    from netctl import station_report

    status = _asked(config, lambda gate: gate.status(args.station))
    if status is None:
        return 1
    if args.json:
        from netctl.api import answer_line

        sys.stdout.write(answer_line(status).decode())
    elif args.station is None:
        foreign = [port for port in config.network.lan_interfaces if port != config.wifi.interface]
        print(station_report.everybody(status, foreign))
    else:
        zone = ZoneInfo(config.venue.timezone)
        print("\n\n".join(station_report.one(station, zone) for station in status.stations))
    return 0 if not status.gate.problems else 1


def _expel(args: argparse.Namespace, config: Config) -> int:
    session = _asked(config, lambda gate: gate.expel(args.station, deauthenticate=not args.quietly))
    if session is None:
        return 1
    print(f"Its session ({session.method}) is over.")
    if session.deauthenticated:
        print("Our access point sent it away: its phone joins again and checks the connection.")
    elif not args.quietly:
        print("No access point of ours could send it away: its phone checks when it joins again.")
    return 0


def _device(args: argparse.Namespace, config: Config) -> int:
    from netctl import station_report

    if args.action == "list":
        known = _asked(config, lambda gate: gate.devices())
    elif args.action == "forget":
        known = _asked(config, lambda gate: _one(gate.forget_device(args.device_id)))
    else:
        kind: DeviceKind = "allowed" if args.action == "allow" else "blocked"
        known = _asked(config, lambda gate: _one(gate.set_device(args.station, kind, args.name)))
    if known is None:
        return 1
    print(station_report.devices(known))
    return 0


async def _one(asked: Awaitable[Device]) -> tuple[Device, ...]:
    return (await asked,)


def _asked(config: Config, question: Callable[["GateClient"], Awaitable[T]]) -> T | None:
    """What the gate answers; None, and why on stderr, when it does not or says no."""
    from netctl.client import GateClient, GateRefused, GateUnavailable

    async def ask() -> T:
        return await question(GateClient(config.venue.run_dir / "gate.sock", timeout_seconds=10))

    try:
        return asyncio.run(ask())
    except GateUnavailable as error:
        print(f"{error}. Is yingke-gate.service running?", file=sys.stderr)
    except GateRefused as error:
        print(f"{error.message} {error.hint}".strip(), file=sys.stderr)
    return None


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


_COMMANDS = {
    "gate": _gate,
    "sensor": _sensor,
    "status": _status,
    "expel": _expel,
    "device": _device,
    "render": _render,
    "apply": _apply,
}


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
    _add_expel(commands, config)
    _add_device(commands, config)
    counting = commands.add_parser("count", help="count the devices in a capture", parents=[config])
    if counts:  # else the daemons would start with what only counting needs
        from netctl.sensor import count

        count.add_arguments(counting)
    log = commands.add_parser(
        "legal-log", help="the legal connection log", description=legal_log.DESCRIPTION, parents=[config]
    )
    legal_log.add_arguments(log, config)
    render = commands.add_parser(
        "render", parents=[config], help="what hostapd and dnsmasq will be told", description=_RENDER
    )
    render.add_argument("--write", action="store_true", help="into <run_dir>/rendered instead of printing it")
    commands.add_parser(
        "apply", parents=[config], help="check, install and reload what was rendered", description=_APPLY
    )
    return parser


def _add_expel(commands: Any, config: argparse.ArgumentParser) -> None:
    expel = commands.add_parser("expel", parents=[config], help="end a session", description=_EXPEL)
    expel.add_argument("station", metavar="STATION", help="its four letters, its IP or its MAC")
    expel.add_argument("--quietly", action="store_true", help="do not send it away from our access point")


def _add_device(commands: Any, config: argparse.ArgumentParser) -> None:
    device = commands.add_parser(
        "device", help="devices that are always admitted, or never", description=_DEVICE, parents=[config]
    )
    actions = device.add_subparsers(dest="action", required=True, metavar="ACTION")
    actions.add_parser("list", parents=[config], help="all of them, with their ids")
    for action, meaning in (
        ("allow", "always admit a device: a till, a printer"),
        ("block", "never admit it"),
    ):
        one = actions.add_parser(action, parents=[config], help=meaning)
        one.add_argument("station", metavar="STATION", help="its four letters, its IP or its MAC")
        one.add_argument("--name", default="", help="what the owner calls it")
    forget = actions.add_parser("forget", parents=[config], help="a station like any other again")
    forget.add_argument("device_id", metavar="ID", help="as `list` shows it")


_GATE = "Loads the packet filter, admits and expels stations, and listens on <run_dir>/gate.sock."
_SENSOR = "Counts devices in the air and stations on the WiFi, without keeping a hardware address of the air."
_STATUS = "Asks the running gate. Take root: the answer names hardware addresses."
_EXPEL = (
    "Ends the session of a station, and sends it away from our access point so that its phone asks again."
)
_DEVICE = "The owner's word on single devices. Take root to name one by its hardware address."
_RENDER = "Prints the configuration of hostapd and dnsmasq as the settings make it."
_APPLY = "Run by root (yingke-apply.service): dnsmasq --test, install under /etc, restart."


if __name__ == "__main__":
    sys.exit(main())
