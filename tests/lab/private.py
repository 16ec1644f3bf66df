"""A private world: namespaces of our own for network, mounts, processes and, without root, users.

Everything the virtual store makes (links, packet filter, daemons, files under /run) exists only in here. The
first process of a process namespace takes all others with it (pid_namespaces(7)), and it dies with its
launcher (PR_SET_PDEATHSIG), so nothing is left behind, not even after `kill -9`.
"""

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

MARK = "YINGKE_PRIVATE_WORLD"
HOME = Path("/run/yk")
"""The world's own place for files: on its private tmpfs, so it vanishes with the world."""

_CLONE_NEWNS, _CLONE_NEWUSER, _CLONE_NEWPID, _CLONE_NEWNET = 0x00020000, 0x10000000, 0x20000000, 0x40000000
_MS_NOSUID, _MS_NODEV, _MS_REC, _MS_PRIVATE = 2, 4, 16384, 1 << 18
_PR_SET_PDEATHSIG = 1
_FORWARDED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)

_libc = ctypes.CDLL(None, use_errno=True)


class NoPrivateWorld(Exception):
    """This machine does not let us have namespaces; the text says what to do about it."""


def inside() -> bool:
    """Whether this process lives in a private world."""
    return MARK in os.environ


def run_inside(command: Sequence[str], pass_fds: Sequence[int] = ()) -> int:
    """Runs `command` in a new private world, sockets `pass_fds` passed in; returns its exit code.

    Signals sent to us reach the command. Under make we die with make. Raises NoPrivateWorld.
    """
    if "MAKELEVEL" in os.environ:
        _die_with_parent()
    for descriptor in pass_fds:
        os.set_inheritable(descriptor, True)
    _unshare()
    first = os.fork()
    if first == 0:
        os._exit(_first_process(command))
    for number in _FORWARDED:
        signal.signal(number, lambda received, _frame: os.kill(first, received))
    return _wait_for(first)


def _unshare() -> None:
    flags = _CLONE_NEWNS | _CLONE_NEWPID | _CLONE_NEWNET
    if os.geteuid() == 0 and _libc.unshare(flags) == 0:
        return
    user, group = os.geteuid(), os.getegid()
    if _libc.unshare(flags | _CLONE_NEWUSER) != 0:
        raise NoPrivateWorld(_remedy(os.strerror(ctypes.get_errno())))
    try:
        # setgroups must be given up before an ordinary user may map a group (user_namespaces(7)).
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"0 {user} 1")
        Path("/proc/self/gid_map").write_text(f"0 {group} 1")
    except OSError as refusal:
        raise NoPrivateWorld(_remedy(str(refusal))) from refusal


def _remedy(reason: str) -> str:
    lines = [f"This machine does not let us have network namespaces of our own ({reason}). What helps:"]
    switches = {
        "/proc/sys/kernel/apparmor_restrict_unprivileged_userns": ("0", "1"),
        "/proc/sys/kernel/unprivileged_userns_clone": ("1", "0"),
        "/proc/sys/user/max_user_namespaces": ("10000", "0"),
    }
    for file, (good, bad) in switches.items():
        if Path(file).exists() and Path(file).read_text().strip() == bad:
            lines.append(f"  sudo sysctl {file.removeprefix('/proc/sys/').replace('/', '.')}={good}")
    if os.geteuid() != 0:
        lines.append("  run the same command with sudo")
    lines.append(
        "  in a container: start it with `docker run --privileged` (or --cap-add SYS_ADMIN --cap-add"
    )
    lines.append("  NET_ADMIN --security-opt seccomp=unconfined --security-opt apparmor=unconfined)")
    return "\n".join(lines)


def _first_process(command: Sequence[str]) -> int:
    """Process 1 of the world: sets it up, starts the command, reaps orphans; its end ends them all."""
    _die_with_parent()
    # A session of its own: Ctrl-C reaches the launcher only, which forwards it once.
    os.setsid()
    try:
        _mount_all()
    except OSError as refusal:
        print(_remedy(str(refusal)), file=sys.stderr)
        return 1
    HOME.mkdir()
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    environment = os.environ | {MARK: "1", "TMPDIR": str(HOME)}
    child = os.fork()
    if child == 0:
        os.execvpe(command[0], list(command), environment)
    for number in _FORWARDED:
        signal.signal(number, lambda received, _frame: os.kill(child, received))
    return _wait_for(child)


def _mount_all() -> None:
    _mount("none", "/", None, _MS_REC | _MS_PRIVATE)
    _mount("proc", "/proc", "proc", _MS_NOSUID | _MS_NODEV)
    # Not noexec: DHCP clients run their scripts from here.
    _mount("tmpfs", "/run", "tmpfs", _MS_NOSUID | _MS_NODEV, "mode=0755")
    Path("/run/lock").mkdir()


def _mount(source: str, target: str, kind: str | None, flags: int, options: str = "") -> None:
    name = kind.encode() if kind else None
    if _libc.mount(source.encode(), target.encode(), name, flags, options.encode()) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"mount {target}: {os.strerror(number)}")


def _die_with_parent() -> None:
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def _wait_for(child: int) -> int:
    while True:
        finished, status = os.wait()
        if finished == child:
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else 128 - code
