"""`yingke-net legal-log`: run the daemon, make the keys, hand the log over, check that it is whole."""

import argparse
import os
import sys
from datetime import UTC, datetime
from pathlib import Path

from netctl.api import parse_ip, parse_mac
from sync.config import Config
from sync.model import to_wire

DESCRIPTION = """The legal connection log, off unless privacy.legal_log names a country. It is no certified
audit system (安全管理系统, GA standards); where the law asks for one, that is a product of its own."""


def add_arguments(parser: argparse.ArgumentParser, config: argparse.ArgumentParser) -> None:
    """What follows `legal-log`."""
    doing = parser.add_subparsers(dest="doing", required=True, metavar="run|key|export|verify")
    doing.add_parser("run", parents=[config], help="write the log (the daemon)")
    key = doing.add_parser(
        "key", help="make the keys, on another machine than the box", description=_KEY, parents=[config]
    )
    key.add_argument("private", type=Path, metavar="FILE", help="where the private half goes; must not exist")
    folder = argparse.ArgumentParser(add_help=False)
    folder.add_argument("--log", type=Path, metavar="DIR", help="default: <data_dir>/legal of the settings")
    export = doing.add_parser("export", parents=[config, folder], help="what an authority asked for")
    export.add_argument("--key", type=Path, required=True, metavar="FILE", help="the private half")
    export.add_argument(
        "--from", dest="start", type=_time, metavar="TIME", help="ISO 8601, UTC without a zone"
    )
    export.add_argument("--to", dest="end", type=_time, metavar="TIME", help="not included")
    export.add_argument("--mac", type=_mac, help="of this station only")
    export.add_argument("--ip", type=_ip, help="with this address on either side, or translated to it")
    export.add_argument("--port", type=int, help="with this port on either side, or translated to it")
    export.add_argument("--csv", action="store_true", help="a table; default: a JSON object a line")
    verify = doing.add_parser(
        "verify", parents=[config, folder], help="is the log whole? needs no key", description=_VERIFY
    )
    verify.add_argument("--expect", metavar="HASH", help="a hash noted earlier that must be in the chain")


_KEY = """Prints the public half, which goes to privacy.legal_log_key on the box. The private half is written
to FILE and opens the log: keep it away from the box, and keep a copy."""
_VERIFY = """Finds chunks that were removed, altered, moved or cut off. Note the hash it prints elsewhere from
time to time: --expect finds out later whether the log was written anew as a whole."""


def needs_config(args: argparse.Namespace) -> bool:
    """Whether this can only be done with a box's settings at hand."""
    return args.doing == "run" or (args.doing != "key" and args.log is None)


def run(args: argparse.Namespace, config: Config | None) -> int:
    """Returns the exit code: 0 done, 1 failed or not whole."""
    if args.doing == "run":
        from netctl.legal import daemon
        from sync import process

        assert config is not None, "needs_config"
        return process.main(daemon.run, config)
    if args.doing == "key":
        return _key(args.private)
    folder = args.log or (config.venue.data_dir / "legal" if config else Path())
    try:
        os.listdir(folder)
    except OSError as error:
        print(f"There is no log to be read in {folder}: {error.strerror}.", file=sys.stderr)
        return 1
    try:
        return _export(args, folder) if args.doing == "export" else _verify(args, folder)
    except OSError as error:
        print(f"{error.filename or folder} cannot be read: {error.strerror}.", file=sys.stderr)
        return 1


def _key(path: Path) -> int:
    from netctl.legal.seal import new_key_pair

    private, public = new_key_pair()
    try:
        with open(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
            file.write(private)
    except OSError as error:
        print(f"{path} cannot be written: {error.strerror}.", file=sys.stderr)
        return 1
    print(public.decode(), end="")
    print(
        f"Keep {path} away from the box, and keep a copy: without it nobody reads the log.", file=sys.stderr
    )
    return 0


def _export(args: argparse.Namespace, folder: Path) -> int:
    from netctl.legal import export, seal

    try:
        key = seal.read_private(args.key)
    except seal.NoKey as reason:
        print(reason, file=sys.stderr)
        return 1
    wanted = export.Wanted(
        start=args.start or "",
        end=args.end or "9999",
        mac=args.mac,
        ip=args.ip,
        port=args.port,
    )
    write = export.write_csv if args.csv else export.write_ndjson
    verification = write(export.rows(folder, key, wanted), sys.stdout)
    for problem in verification["problems"]:
        print(problem, file=sys.stderr)
    return 0 if verification["ok"] else 1


def _verify(args: argparse.Namespace, folder: Path) -> int:
    from netctl.legal.segments import STATEMENT
    from netctl.legal.verify import verify

    verdict = verify(folder, args.expect)
    for problem in verdict.problems:
        print(problem)
    beginning = "its beginning" if verdict.is_from_start else "what is kept (older segments died by age)"
    print(f"{verdict.chunks} chunks in {verdict.segments} segments, from {verdict.since} to {verdict.until},")
    print(f"since {beginning}; {verdict.torn} ends torn off by power cuts, and declared.")
    print(f"tip {verdict.tip}\nsigned by {verdict.signed_by}\n{STATEMENT}")
    print("The log is whole." if verdict.ok else "THE LOG IS NOT WHOLE.")
    return 0 if verdict.ok else 1


def _mac(text: str) -> str:
    try:
        return parse_mac(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _ip(text: str) -> str:
    try:
        return str(parse_ip(text))
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _time(text: str) -> str:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no time such as 2026-11-23T08:00") from None
    return to_wire(at if at.tzinfo else at.replace(tzinfo=UTC))
