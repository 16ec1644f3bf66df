"""yingke-sync: migrate the records, upload them, print the settings."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sync.config import DEFAULT_PATH, ConfigErrors, commented, load
from sync.process import main as run_process
from sync.records import RecordsUnavailable, migrate

# Each reads its settings when it starts; who is online stays online.
_READ_THE_SETTINGS = ("yingke-gate", "yingke-sensor", "yingke-portal", "yingke-sync", "yingke-legal-log")


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    if options.command == "config":
        print(
            f"# After a change: sudo systemctl restart {' '.join(_READ_THE_SETTINGS)}\n\n{commented()}",
            end="",
        )
        return 0
    try:
        config = load(options.config)
        if options.command == "migrate":
            return _migrate(config.venue.data_dir / "records.db")
    except ConfigErrors as errors:
        print(errors, file=sys.stderr)
        return 2
    except RecordsUnavailable as error:
        print(error, file=sys.stderr)
        return 1
    # Not at the top: migrating needs no HTTP client, and a Pi takes its time to import one.
    from sync.upload import run

    return run_process(run, config)


def _migrate(path: Path) -> int:
    steps = migrate(path)
    print(f"{path}: {', '.join(steps) if steps else 'up to date'}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="yingke-sync", description="The box's records and their way to head office."
    )
    config: dict[str, Any] = {
        "type": Path,
        "metavar": "FILE",
        "help": f"the settings (default: {DEFAULT_PATH})",
    }
    parser.add_argument("--config", default=DEFAULT_PATH, **config)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, description in (
        ("migrate", "Makes the records or brings them up to date. Run it before the other processes start."),
        (
            "upload",
            "Uploads what happened to head office, does what it says, and keeps the records in shape.",
        ),
        ("config", "Prints every setting with its meaning and default, as a commented yingke.toml."),
    ):
        command = commands.add_parser(name, help=description, description=description)
        # Before or after the command; here without a default, which would undo the one before it.
        command.add_argument("--config", default=argparse.SUPPRESS, **config)
    return parser


if __name__ == "__main__":
    sys.exit(main())
