"""One boot of the virtual machine: started, watched against a time-out, and its traces kept.

Always under software emulation, named as such: that /dev/kvm opens proves nothing (a guest may crawl
under it, or hang).
"""

import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

# The walk starts about 15 s after power-on on an idle host; this is for a very busy one.
CAME_UP_SECONDS = 120.0


class NeverCameUp(Exception):
    """The emulator ran, but no operating system showed itself: worth one more try."""


class TimedOut(Exception):
    """The machine came up and did not end in its time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """A disk, its kernel, and a folder shared with the guest (9p, tag `host`)."""

    disk: Path
    kernel: Path
    initrd: Path
    share: Path
    emulator: str = "qemu-system-x86_64"
    came_up_seconds: float = CAME_UP_SECONDS

    def command(self, console: Path, walk: str) -> list[str]:
        """The emulator's command line; the guest's reboot or power-off ends it."""
        kernel_options = "root=/dev/vda rw console=ttyS0 panic=-1 mitigations=off net.ifnames=0 quiet"
        # As on a Raspberry Pi: radios are soft-blocked until something lifts it.
        kernel_options += f" rfkill.default_state=0 {walk}"
        share = f"local,path={self.share},mount_tag=host,security_model=none,multidevs=remap"
        return [
            *("nice", "-n", "5", self.emulator, "-accel", "tcg,thread=multi,tb-size=512"),
            *("-M", "q35", "-cpu", "Nehalem", "-smp", "2", "-m", "1024"),
            *("-nodefaults", "-no-user-config", "-display", "none", "-no-reboot"),
            *("-serial", f"file:{console}", "-kernel", str(self.kernel), "-initrd", str(self.initrd)),
            *("-append", kernel_options),
            *("-drive", f"file={self.disk},if=none,id=d0,format=raw,cache=none"),
            *("-device", "virtio-blk-pci,drive=d0", "-virtfs", share, "-device", "virtio-rng-pci"),
        ]

    def boot(self, console: Path, *, timeout_seconds: float, walk: str = "") -> float:
        """Runs until the guest reboots or powers off; returns the seconds it took. `walk`: more options of
        the kernel's command line, for whoever looks there.

        Raises NeverCameUp or TimedOut; the emulator is gone in every case.
        """
        started = time.monotonic()
        alive = self.share / "alive"
        alive.unlink(missing_ok=True)
        emulator = subprocess.Popen(self.command(console, walk), stdin=subprocess.DEVNULL)
        try:
            _end_of(emulator, until=started + self.came_up_seconds, enough=alive.exists)
            if emulator.poll() is not None and not alive.exists():
                raise NeverCameUp(f"the emulator ended with {emulator.returncode}; console: {console}")
            if not alive.exists():
                raise NeverCameUp(f"nothing came up in {self.came_up_seconds:.0f} s; console: {console}")
            _end_of(emulator, until=started + timeout_seconds, enough=lambda: False)
            if emulator.poll() is None:
                raise TimedOut(
                    f"the machine was still running after {timeout_seconds:.0f} s; console: {console}"
                )
        finally:
            emulator.kill()
            emulator.wait()
        return time.monotonic() - started


def _end_of(emulator: subprocess.Popen[bytes], *, until: float, enough: Callable[[], bool]) -> None:
    """Returns once the emulator has ended, the guest has shown what is enough, or the time is up."""
    while not enough() and time.monotonic() < until:
        try:
            emulator.wait(timeout=0.25)
        except subprocess.TimeoutExpired:
            continue
        return
