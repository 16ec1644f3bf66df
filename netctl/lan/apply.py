"""The one step that takes root: checks what the gate rendered, installs it, restarts who reads it.

The gate's user wrote the files, so they are not trusted: only settings that our own renderer writes are let
through, since others can run programs (dnsmasq's dhcp-script, dhcpcd's script). hostapd's must be ours to the
letter: it runs as root and gives whatever file its ctrl_interface names to whatever group.
"""

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from netctl.lan import garden
from netctl.lan.access_point import DNSMASQ, HOSTAPD, PREFIX, hostapd_conf
from sync.config import Config

KNOWN = {
    DNSMASQ: frozenset(
        [
            "interface",
            "except-interface",
            "bind-dynamic",
            "no-hosts",
            "domain-needed",
            "bogus-priv",
            "no-resolv",
            "server",
            "resolv-file",
            "edns-packet-max",
            "filter-rr",
            "dns-forward-max",
            "max-tcp-connections",
            "dns-loop-detect",
            "no-ident",
            "stop-dns-rebind",
            "rebind-domain-ok",
            "max-ttl",
            "max-cache-ttl",
            "nftset",
            "cache-size",
            "dhcp-authoritative",
            "no-ping",
            "dhcp-ignore-clid",
            "dhcp-ignore-names",
            "quiet-dhcp",
            "quiet-dhcp6",
            "quiet-ra",
            "dhcp-leasefile",
            "dhcp-lease-max",
            "dhcp-range",
            "enable-ra",
            "dhcp-option",
            "ra-param",
            "host-record",
            "dhcp-option-force",
        ]
    ),
    PREFIX: frozenset(["ipv6only", "noipv6rs", "nodev", "duid", "allowinterfaces", "interface", "ia_pd"]),
}
_LARGEST_BYTES = 64 * 1024
# dnsmasq reads lines in pieces of 1024 bytes and takes the rest of a longer one, a comment's too, for a line
# of its own (2.90, read_file).
_LONGEST_LINE_BYTES = 1000
Run = Callable[[Sequence[str]], None]


class NotApplied(Exception):
    """What was rendered is not installed; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where a rendered file goes, and what makes its daemon read it."""

    name: str
    installed: Path
    restart: tuple[str, ...]


def targets(config: Config, etc: Path = Path("/etc")) -> list[Target]:
    found = [
        Target(
            name=DNSMASQ,
            installed=etc / "yingke" / DNSMASQ,
            restart=("systemctl", "--no-block", "restart", "yingke-dnsmasq.service"),
        ),
        Target(
            name=PREFIX,
            installed=etc / "yingke" / PREFIX,
            restart=("systemctl", "--no-block", "restart", "yingke-prefix.service"),
        ),
    ]
    if config.wifi.interface:
        unit = f"hostapd@{config.wifi.interface}.service"
        found.append(
            Target(
                name=HOSTAPD,
                installed=etc / "hostapd" / f"{config.wifi.interface}.conf",
                restart=("systemctl", "--no-block", "reload-or-restart", unit),
            )
        )
    return found


def run_command(command: Sequence[str]) -> None:
    """Raises NotApplied with what the command said."""
    program = shutil.which(command[0]) or shutil.which(command[0], path="/usr/sbin:/sbin")
    if program is None:
        raise NotApplied(
            f"{command[0]} is not installed: apt install {_PACKAGES.get(command[0], command[0])}"
        )
    done = subprocess.run([program, *command[1:]], capture_output=True, text=True, timeout=30, check=False)  # noqa: S603
    if done.returncode != 0:
        raise NotApplied(f"{' '.join(command)}: {(done.stderr or done.stdout).strip()}")


_PACKAGES = {"dnsmasq": "dnsmasq-base", "systemctl": "systemd"}


def apply(config: Config, run: Run = run_command, etc: Path = Path("/etc")) -> list[Path]:
    """Installs what has changed; returns those files. Raises NotApplied before anything is touched."""
    checked = []
    for target in targets(config, etc):
        text = _read(config.venue.run_dir / "rendered" / target.name)
        if target.installed.exists() and target.installed.read_text() == text:
            continue
        if target.name == HOSTAPD:
            _check_hostapd(text, config)
        else:
            _check(target.name, text, run)
        checked.append((target, text))
    for target, text in checked:
        target.installed.parent.mkdir(parents=True, exist_ok=True)
        fresh = target.installed.with_name(f".{target.installed.name}.new")
        fresh.write_text(text)
        fresh.chmod(0o644)
        os.replace(fresh, target.installed)
        run(target.restart)
    return [target.installed for target, _ in checked]


def _read(file: Path) -> str:
    try:
        # O_NOFOLLOW: the directory belongs to the gate, and root is not lured elsewhere.
        descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        raise NotApplied(f"{file} cannot be read ({error.strerror}): is the gate running?") from error
    with os.fdopen(descriptor, "rb") as stream:
        return stream.read(_LARGEST_BYTES).decode(errors="replace")


def _check_hostapd(text: str, config: Config) -> None:
    if text != hostapd_conf(config):
        raise NotApplied(
            f"{HOSTAPD} is not what the settings say: was yingke-gate restarted since they changed?"
        )


def _check(name: str, text: str, run: Run) -> None:
    if any(len(line) > _LONGEST_LINE_BYTES for line in text.encode().split(b"\n")):
        raise NotApplied(f"{name} holds a line longer than {_LONGEST_LINE_BYTES} bytes")
    unknown = unknown_settings(name, text)
    if unknown:
        raise NotApplied(f"{name} holds settings we never write: {', '.join(unknown)}")
    # dnsmasq hands the names of sets to nft as they stand, and may change every set there is.
    strange = [line for line in text.splitlines() if "nftset" in line and not garden.is_ours(line)]
    if strange:
        raise NotApplied(f"{name} fills another set than the walled garden's: {strange[0]}")
    if name == DNSMASQ:
        with tempfile.NamedTemporaryFile("w", suffix=".conf") as trial:
            trial.write(text)
            trial.flush()
            run(["dnsmasq", "--test", f"--conf-file={trial.name}"])


def unknown_settings(name: str, text: str) -> list[str]:
    """The settings in the file that our renderer does not write."""
    lines = (line.strip() for line in text.splitlines())
    keys = [re.split(r"[=\s]", line, maxsplit=1)[0] for line in lines if line and not line.startswith("#")]
    return [key for key in keys if key not in KNOWN[name]]
