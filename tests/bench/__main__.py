"""`python -m tests.bench [NAME …] [--json]`: measures speed and memory, beside the peer, in one run.

Every figure is the median of several interleaved runs. A peer that is not installed is null, never a number.
"""

import argparse
import importlib
import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from tests.bench import machine
from tests.bench.result import Result
from tests.lab.private import NoPrivateWorld, inside, run_inside

BENCHES = {
    "intercept": "redirects a second, beside nginx",
    "forward": "what a phone gets through with thousands admitted, beside plain NAT and other portals' rules",
    "admit": "from the form sent to the first packet forwarded",
    "refuse": "how soon fifty QUIC hosts, asked at once by a captive phone, are each refused",
    "follow": "from the platform's word to the first packet forwarded, with 10,000 stores waiting",
    "reboot": "from the start of the gate until 10,000 sessions are admitted again",
    "soak": "what is left behind by 2,000 stations that come and go for ten minutes",
    "legal_log": "bytes and processor time that 10,000 connections take in the legal log",
    "memory": "what the four processes hold after 1,000 registrations",
}


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    known = ", ".join(f"{name} ({what})" for name, what in BENCHES.items())
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"{known}; none: all of them")
    parser.add_argument("--json", action="store_true", help="print one JSON object a bench, last")
    parser.add_argument("--seconds", type=float, default=600, help="how long the soak lasts (%(default)g)")
    options = parser.parse_args(arguments)
    if unknown := [name for name in options.names if name not in BENCHES]:
        parser.error(f"no such bench: {', '.join(unknown)}; there are {', '.join(BENCHES)}")
    if not inside():
        try:
            return run_inside([sys.executable, "-m", "tests.bench", *arguments])
        except NoPrivateWorld as reason:
            print(reason, file=sys.stderr)
            return 77
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    for name in options.names or BENCHES:
        before = machine.others_work()
        given = {"seconds": options.seconds} if name == "soak" else {}
        result = importlib.import_module(f"tests.bench.{name}").measure(**given)
        result = replace(result, machine=machine.described(before, machine.others_work()))
        if warning := result.machine.get("warning"):
            print(f"{name}: {warning}", file=sys.stderr)
        _print(name, result, as_json=options.json)
    return 0


def _print(name: str, result: Result, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps({"bench": name} | result.as_json()), flush=True)
        return
    print(f"{name}: {BENCHES[name]}")
    for part, values in result.as_json().items():
        for key, value in _flat(values):
            print(f"  {part:8} {key:40} {value}")


def _flat(values: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    rows: list[tuple[str, Any]] = []
    for key, value in values.items():
        rows += _flat(value, f"{prefix}{key}.") if isinstance(value, dict) else [(prefix + key, value)]
    return rows


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
