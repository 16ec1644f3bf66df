"""The units as they are installed: correct, confined, and in step with the settings and the commands."""

import re
import shutil
import stat
import subprocess
import tomllib
from pathlib import Path

import pytest

from portal.cli import HTTPS_PORT
from sync.config import Config

ROOT = Path(__file__).resolve().parents[2]
UNITS = ROOT / "systemd"
SERVICES = sorted(path.name for path in UNITS.glob("*.service"))
DAEMONS = ["gate", "sensor", "portal", "sync", "headoffice"]
HIGHEST_EXPOSURE = 2.0

needs_systemd_analyze = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd-analyze (Debian package systemd) is not here"
)


def settings_of(unit: str) -> dict[str, list[str]]:
    """The directives of a unit, each with all its values, comments and sections left out."""
    found: dict[str, list[str]] = {}
    for line in (UNITS / unit).read_text(encoding="utf-8").splitlines():
        if match := re.match(r"([A-Za-z]+)=(.*)", line):
            found.setdefault(match[1], []).append(match[2])
    return found


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """The units with commands that exist here, so that only the units themselves are judged."""
    for path in [*UNITS.glob("*.service"), *UNITS.glob("*.socket"), *UNITS.glob("*.path")]:
        text = re.sub(
            r"/opt/yingke/bin/yingke-\w+|/usr/sbin/(dnsmasq|dhcpcd)", "/bin/true", path.read_text("utf-8")
        )
        (tmp_path / path.name).write_text(text, "utf-8")
    return tmp_path


@needs_systemd_analyze
def test_the_service_manager_finds_nothing_wrong_with_any_unit(installed: Path) -> None:
    units = sorted(str(path) for path in installed.iterdir())
    answer = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", *units],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (answer.returncode, answer.stdout + answer.stderr) == (0, "")


@needs_systemd_analyze
@pytest.mark.parametrize("unit", SERVICES)
def test_no_unit_is_more_exposed_than_it_needs_to_be(unit: str) -> None:
    answer = subprocess.run(
        ["systemd-analyze", "security", "--offline=yes", "--no-pager", str(UNITS / unit)],
        capture_output=True,
        text=True,
        timeout=60,
    )
    exposure = re.search(r"exposure level for \S+: ([0-9.]+)", answer.stdout)
    assert exposure is not None, answer.stderr
    assert float(exposure[1]) <= HIGHEST_EXPOSURE


@pytest.mark.skipif(shutil.which("shellcheck") is None, reason="shellcheck is not here")
def test_the_installer_is_clean_shell() -> None:
    scripts = sorted(str(path) for path in UNITS.glob("*.sh"))
    answer = subprocess.run(
        ["shellcheck", "-x", *scripts], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert (answer.returncode, answer.stdout) == (0, "")


@pytest.mark.parametrize("unit", SERVICES)
def test_every_command_of_a_unit_is_one_we_install(unit: str) -> None:
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["scripts"]
    commands = re.findall(r"/opt/yingke/bin/(\S+)", (UNITS / unit).read_text("utf-8"))
    assert set(commands) <= set(scripts)
    assert commands or unit in ("yingke-dnsmasq.service", "yingke-monitor@.service", "yingke-prefix.service")


@pytest.mark.parametrize("name", ["portal", "sensor", "sync"])
def test_nobody_else_touches_the_gates_folders_or_what_root_installs(name: str) -> None:
    out_of_reach = settings_of(f"yingke-{name}.service")["InaccessiblePaths"][0].split()
    assert {"-/var/lib/yingke/gate", "-/var/lib/yingke/dnsmasq", "-/run/yingke/rendered"} <= set(out_of_reach)
    folders = (UNITS / "tmpfiles.d/yingke.conf").read_text("utf-8")
    mode = re.search(r"^d /run/yingke +(\d+) ", folders, re.M)
    assert mode is not None
    assert int(mode[1], 8) & stat.S_ISVTX


def test_each_daemon_has_a_user_of_its_own_and_only_the_capability_it_needs() -> None:
    units = {name: settings_of(f"yingke-{name}.service") for name in DAEMONS}
    declared = (UNITS / "sysusers.d/yingke.conf").read_text("utf-8")
    assert {unit["User"][0] for unit in units.values()} == {f"yingke-{name}" for name in DAEMONS}
    assert all(re.search(rf"^u yingke-{name}\s", declared, re.M) for name in DAEMONS)
    assert {name: unit["CapabilityBoundingSet"] for name, unit in units.items()} == {
        "gate": ["CAP_NET_ADMIN"],
        "sensor": ["CAP_NET_RAW"],
        "portal": [""],
        "sync": [""],
        "headoffice": [""],
    }


def test_no_hardware_address_that_dnsmasq_names_gets_into_the_journal() -> None:
    unit = settings_of("yingke-dnsmasq.service")
    assert unit["LogLevelMax"] == ["notice"]
    assert "--log-facility" not in unit["ExecStart"][0]


def test_the_legal_log_has_a_user_of_its_own_asks_the_kernel_and_reaches_no_network() -> None:
    unit = settings_of("yingke-legal-log.service")
    declared = (UNITS / "sysusers.d/yingke.conf").read_text("utf-8")
    assert re.search(r"^u yingke-legal\s", declared, re.M)
    assert unit["User"] == ["yingke-legal"]
    assert unit["CapabilityBoundingSet"] == ["CAP_NET_ADMIN"]
    assert unit["RestrictAddressFamilies"] == ["AF_UNIX AF_NETLINK"]
    assert unit["IPAddressDeny"] == ["any"]


def test_a_legal_log_that_is_off_ends_and_stays_so_and_one_that_crashes_comes_back() -> None:
    unit = settings_of("yingke-legal-log.service")
    assert (unit["Restart"], unit["RestartSec"]) == (["on-failure"], ["1"])
    assert unit["StartLimitIntervalSec"] == ["0"]
    assert int(unit["WatchdogSec"][0]) > 0


@pytest.mark.parametrize("name", ["portal", "sensor", "sync"])
def test_nobody_else_touches_the_legal_log(name: str) -> None:
    assert "-/var/lib/yingke/legal" in settings_of(f"yingke-{name}.service")["InaccessiblePaths"][0].split()
    folders = (UNITS / "tmpfiles.d/yingke.conf").read_text("utf-8")
    assert re.search(r"^d /var/lib/yingke/legal +0700 yingke-legal +yingke-legal$", folders, re.M)


@pytest.mark.parametrize("name", DAEMONS)
def test_a_daemon_that_crashes_or_hangs_comes_back_however_often(name: str) -> None:
    unit = settings_of(f"yingke-{name}.service")
    assert unit["Restart"] == ["always"]
    assert unit["RestartSec"] == ["1"]
    assert unit["StartLimitIntervalSec"] == ["0"]
    assert unit["Type"] == ["notify"]
    assert int(unit["WatchdogSec"][0]) > 0


def test_the_sockets_held_for_the_portal_are_those_of_the_settings() -> None:
    portal = Config.parse({}).portal
    pages = [listen.rpartition(":")[2] for listen in portal.listen]
    held = settings_of("yingke-portal.socket")["ListenStream"]
    assert held == [*pages, str(HTTPS_PORT), str(portal.intercept_port)]


def test_the_daemons_may_write_where_the_settings_say_and_the_folders_are_made_at_boot() -> None:
    venue = Config.parse({}).venue
    folders = (UNITS / "tmpfiles.d/yingke.conf").read_text("utf-8")
    for folder in (venue.data_dir, venue.run_dir, venue.data_dir / "gate", venue.run_dir / "rendered"):
        assert re.search(rf"^d {folder}\s", folders, re.M)
    for name in ("gate", "sensor", "portal", "sync"):
        assert settings_of(f"yingke-{name}.service")["ReadWritePaths"] == [
            f"{venue.data_dir} {venue.run_dir}"
        ]


def test_the_folders_with_mac_addresses_are_closed_to_all_but_the_gate() -> None:
    folders = (UNITS / "tmpfiles.d/yingke.conf").read_text("utf-8")
    modes = dict(re.findall(r"^d (\S+)\s+(\d{4})", folders, re.M))
    owners = {
        path: (user, group)
        for path, user, group in re.findall(r"^d (\S+)\s+\d{4} (\S+)\s+(\S+)", folders, re.M)
    }
    assert modes["/var/lib/yingke/gate"] == "0700"
    assert owners["/var/lib/yingke/gate"][0] == "yingke-gate"
    assert modes["/var/lib/yingke/dnsmasq"] == "2750"
    assert owners["/var/lib/yingke/dnsmasq"] == ("yingke-dnsmasq", "yingke-gate")


def test_the_upload_key_reaches_the_uploader_as_a_credential_only() -> None:
    key = Config.parse({}).sync.upload_key_file
    assert settings_of("yingke-sync.service")["LoadCredential"] == [f"upload_key:{key}"]
