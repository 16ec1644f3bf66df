"""One machine of the virtual store: a network namespace, with a mount namespace for its /etc/resolv.conf."""

import ctypes
import os
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from socket import AF_INET, SOCK_STREAM, socket

from tests.lab import private
from tests.lab.daemon import Daemon

CHECKOUT = Path(__file__).parents[2]
_CLONE_NEWNET = 0x40000000

# /etc/resolv.conf is often a link into /run, which in here is ours and empty.
_HOLDER = """
set -e
mount -t sysfs sysfs /sys
ip link set lo up
real=$(readlink -m /etc/resolv.conf)
[ -e "$real" ] || { mkdir -p "$(dirname "$real")"; : >"$real"; }
mount --bind "$1" "$real"
echo ready
exec cat
"""


class Failed(AssertionError):
    """A command of the virtual store ended with an error."""


class Namespace:
    """Lives until `close`; `home` is its folder for files and logs."""

    def __init__(self, name: str, home: Path) -> None:
        self.name = name
        self.home = home / name
        self.home.mkdir(parents=True)
        self.resolv_conf = self.home / "resolv.conf"
        self.resolv_conf.touch()
        self._daemons: list[Daemon] = []
        self._holder = subprocess.Popen(
            ["unshare", "--net", "--mount", "sh", "-c", _HOLDER, name, str(self.resolv_conf)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self._holder.stdout is not None
        if self._holder.stdout.readline() != b"ready\n":
            raise Failed(f"namespace {name} could not be made")

    @property
    def pid(self) -> int:
        """The process that holds the namespace: for `ip link set … netns PID`."""
        return self._holder.pid

    def command(self, *command: str) -> list[str]:
        """The command line that runs `command` in here."""
        return ["nsenter", f"--target={self.pid}", "--net", "--mount", "--", *command]

    def run(
        self, *command: str, check: bool = True, stdin: str | None = None, timeout_seconds: float = 30
    ) -> subprocess.CompletedProcess[str]:
        """Runs a command to its end. Raises Failed with what it said, unless `check` is off."""
        done = subprocess.run(
            self.command(*command),
            input=stdin,
            capture_output=True,
            text=True,
            timeout=timeout_seconds,
            env=environment(),
            check=False,
        )
        if check and done.returncode:
            raise Failed(
                f"{self.name}: {' '.join(command)}: exit {done.returncode}\n{done.stdout}{done.stderr}"
            )
        return done

    def ip(self, *lines: str) -> None:
        """Runs lines of `ip` in one go."""
        self.run("ip", "-batch", "-", stdin="\n".join(lines) + "\n")

    def sysctl(self, **values: int) -> None:
        """Sets kernel parameters of net.*, dots written as double underscores."""
        pairs = [f"net.{key.replace('__', '.')}={value}" for key, value in values.items()]
        self.run("sysctl", "-q", "-w", *pairs)

    def daemon(
        self, name: str, *command: str, notifies: bool = False, extra: Mapping[str, str] | None = None
    ) -> Daemon:
        """A long-running program in here, not yet started; it ends with the namespace at the latest."""
        daemon = Daemon(
            name,
            self.command(*command),
            log=self.home / f"{name}.log",
            environment=environment() | dict(extra or {}),
            notifies=notifies,
        )
        self._daemons.append(daemon)
        return daemon

    def python(self, name: str, module: str, *arguments: str, notifies: bool = True) -> Daemon:
        """A module of ours as a program in here."""
        return self.daemon(name, sys.executable, "-m", module, *arguments, notifies=notifies)

    def open_socket(self, family: int = AF_INET, kind: int = SOCK_STREAM, protocol: int = 0) -> socket:
        """A socket of this namespace, usable in our own process: a socket stays where it was made."""
        made: list[socket] = []
        thread = threading.Thread(target=lambda: made.append(self._made_here(family, kind, protocol)))
        thread.start()
        thread.join()
        if not made:
            raise Failed(f"{self.name}: no socket could be made")
        return made[0]

    def _made_here(self, family: int, kind: int, protocol: int) -> socket:
        # setns(2) into a network namespace is a matter of one thread only.
        descriptor = os.open(f"/proc/{self.pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        try:
            libc = ctypes.CDLL(None, use_errno=True)
            if libc.setns(descriptor, _CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), "setns")
        finally:
            os.close(descriptor)
        return socket(family, kind, protocol)

    def join(self, link: str, other: "Namespace", other_link: str, mac: str | None = None) -> None:
        """A cable: `link` here, with `mac`, and `other_link` there, both up."""
        address = f"address {mac}" if mac else ""
        ours = f"link add {link} {address} type veth peer name {other_link} netns {other.pid}"
        self.ip(ours, f"link set {link} up")
        other.ip(f"link set {other_link} up")

    def logs(self, lines: int = 40) -> str:
        """The last that its daemons have said."""
        parts = []
        for daemon in self._daemons:
            said = daemon.said().splitlines()[-lines:]
            parts += [f"--- {self.name}/{daemon.name}", *said]
        return "\n".join(parts)

    def close(self) -> None:
        for daemon in reversed(self._daemons):
            daemon.kill()
        self._holder.kill()
        self._holder.wait()
        for pipe in (self._holder.stdin, self._holder.stdout):
            if pipe is not None:
                pipe.close()


def environment() -> dict[str, str]:
    """Ours, without what belongs to the tests' own process."""
    kept = {key: value for key, value in os.environ.items() if key not in {"NOTIFY_SOCKET", "LISTEN_FDS"}}
    path = f"{kept.get('PATH', '')}:/usr/sbin:/sbin:/usr/bin:/bin"
    return kept | {"PYTHONPATH": str(CHECKOUT), "PATH": path, "TMPDIR": str(private.HOME)}
