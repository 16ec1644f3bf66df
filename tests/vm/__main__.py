"""`python -m tests.vm`: the store in a virtual machine, a phone walked through it, the gate's own tests on
the guest's kernel, and the phone once more after the reboots.

Ends with 0 only if every step of all boots was reported as done by the guest itself.
"""

import argparse
import json
import shutil
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.vm import host, rootfs
from tests.vm.machine import Machine, NeverCameUp, TimedOut

BOOTS = ("first", "tests", "second")
LAST_STEP = {
    "first": "she comes back in by the same form",
    "tests": "the gate's own tests pass on this kernel",
    "second": "a program on port 80 is named, and nothing is installed",
}
BOOT_SECONDS = 600
# While the tests have a store of their own, the one of the machine stays closed: two cores are few.
_CLOSED = [*(f"yingke-{name}" for name in ("gate", "portal", "sensor", "sync", "dnsmasq")), "hostapd@wlan0"]
_OPTIONS = {"tests": " ".join(f"systemd.mask={unit}.service" for unit in _CLOSED)}


def main() -> int:
    options = _options()
    started = time.monotonic()
    try:
        host.prepare()
        machine = build(options.suite)
        print(f"built in {time.monotonic() - started:.0f} s", flush=True)
        for boot in options.boots or BOOTS:
            walk(machine, boot)
    except (host.HostLacks, rootfs.BuildFailed, NeverCameUp, TimedOut, WalkFailed) as failure:
        print(f"vm-test failed: {failure}", file=sys.stderr)
        return 1
    print(f"vm-test passed in {time.monotonic() - started:.0f} s (software emulation, {options.suite})")
    return 0


class WalkFailed(Exception):
    """A step in the guest failed or was never reached."""


def build(suite: str) -> Machine:
    """The machine with a fresh disk, ready to boot. Raises BuildFailed."""
    rootfs.CACHE.mkdir(parents=True, exist_ok=True)
    root = rootfs.CACHE / f"{suite}-root"
    rootfs.install(rootfs.debian(suite), rootfs.wheelhouse(suite), root, python=rootfs.PYTHON_OF[suite])
    disk = rootfs.CACHE / f"{suite}.ext4"
    rootfs.disk(root, disk)
    share = rootfs.CACHE / f"{suite}-share"
    shutil.rmtree(share, ignore_errors=True)
    share.mkdir()
    kernel = next((root / "boot").glob("vmlinuz-*"))
    initrd = next((root / "boot").glob("initrd.img-*"))
    return Machine(disk=disk, kernel=kernel, initrd=initrd, share=share)


def walk(machine: Machine, boot: str) -> None:
    """One boot, its steps printed. Raises WalkFailed; a machine that never came up gets one more try."""
    console = machine.share / f"console-{boot}.txt"
    already = len(_report(machine.share))
    options = f"yingke.walk={boot} {_OPTIONS.get(boot, '')}"
    try:
        seconds = machine.boot(console, timeout_seconds=BOOT_SECONDS, walk=options)
    except NeverCameUp as failure:
        print(f"{failure}; trying once more", flush=True)
        seconds = machine.boot(console, timeout_seconds=BOOT_SECONDS, walk=options)
    steps = _report(machine.share)[already:]
    print(f"{boot} boot, {seconds:.0f} s")
    for step in steps:
        said = f"   {step['detail']}" if step["detail"] else ""
        print(
            f"  {'done' if step['ok'] else 'FAILED':6} {step['seconds']:5.1f} s  {step['step']}{said}",
            flush=True,
        )
    if not ended_well(boot, steps):
        raise WalkFailed(f"the {boot} boot's walk did not end well; journal and console: {machine.share}")


def ended_well(boot: str, steps: Sequence[Mapping[str, object]]) -> bool:
    """Whether every step was done and the walk came to its end: silence is no success."""
    return bool(steps) and all(step["ok"] for step in steps) and steps[-1]["step"] == LAST_STEP[boot]


def _report(share: Path) -> list[dict[str, object]]:
    path = share / "report.jsonl"
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()] if path.exists() else []


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.vm", description=__doc__.splitlines()[0])
    parser.add_argument("--suite", choices=sorted(rootfs.PYTHON_OF), default="bookworm", help="the Debian")
    parser.add_argument("boots", nargs="*", metavar="BOOT", help=f"only these of {', '.join(BOOTS)}")
    options = parser.parse_args()
    if wrong := set(options.boots) - set(BOOTS):
        parser.error(f"no such boot: {', '.join(sorted(wrong))}")
    return options


if __name__ == "__main__":
    sys.exit(main())
