"""`python -m tests.vm`: the store in a virtual machine, a phone walked through it, a reboot, and again.

Ends with 0 only if every step of both boots was reported as done by the guest itself.
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

BOOTS = ("first", "second")
LAST_STEP = {
    "first": "she still is online after all that",
    "second": "a program on port 80 is named, and nothing is installed",
}
BOOT_SECONDS = 420


def main() -> int:
    options = _options()
    started = time.monotonic()
    try:
        host.prepare()
        machine = build(options.suite)
        print(f"built in {time.monotonic() - started:.0f} s", flush=True)
        for boot in BOOTS:
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
    rootfs.install(rootfs.debian(suite), rootfs.wheelhouse(suite), root)
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
    try:
        seconds = machine.boot(console, timeout_seconds=BOOT_SECONDS)
    except NeverCameUp as failure:
        print(f"{failure}; trying once more", flush=True)
        seconds = machine.boot(console, timeout_seconds=BOOT_SECONDS)
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
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
