"""Root's one step: check, install, restart; and nothing that the gate's user could smuggle in."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from netctl.lan.access_point import DNSMASQ, HOSTAPD, PREFIX, write
from netctl.lan.apply import NotApplied, apply, run_command
from sync.config import Config


class Commands:
    """Stands for running them: remembers each, fails on the one told."""

    def __init__(self, fails: str = "") -> None:
        self.fails = fails
        self.run: list[str] = []

    def __call__(self, command: Sequence[str]) -> None:
        self.run.append(command[0])
        if command[0] == self.fails:
            raise NotApplied(f"{command[0]} says no")


def rendered(tmp_path: Path) -> Config:
    config = Config.parse({"venue": {"run_dir": str(tmp_path / "run")}})
    write(config, uplink_has_ipv6=True)
    return config


def test_what_was_rendered_is_checked_installed_and_read_anew(tmp_path: Path) -> None:
    commands = Commands()
    installed = apply(rendered(tmp_path), commands, etc=tmp_path / "etc")
    assert installed == [tmp_path / "etc" / "yingke" / name for name in (DNSMASQ, PREFIX)]
    assert "dhcp-authoritative" in installed[0].read_text()
    assert commands.run == ["dnsmasq", "systemctl", "systemctl"]


def test_what_is_installed_already_restarts_nothing(tmp_path: Path) -> None:
    config = rendered(tmp_path)
    apply(config, Commands(), etc=tmp_path / "etc")
    commands = Commands()
    assert apply(config, commands, etc=tmp_path / "etc") == []
    assert commands.run == []


def test_what_dnsmasq_does_not_take_is_not_installed(tmp_path: Path) -> None:
    with pytest.raises(NotApplied, match="dnsmasq says no"):
        apply(rendered(tmp_path), Commands(fails="dnsmasq"), etc=tmp_path / "etc")
    assert not (tmp_path / "etc").exists()


@pytest.mark.parametrize(
    "smuggled",
    ["dhcp-script=/tmp/x", "conf-file=/etc/shadow", " user = root", "enable-tftp", "dhcp-luascript=x"],
)
def test_a_setting_that_could_run_programs_is_not_installed(tmp_path: Path, smuggled: str) -> None:
    config = rendered(tmp_path)
    file = tmp_path / "run" / "rendered" / DNSMASQ
    file.write_text(file.read_text() + smuggled + "\n")
    with pytest.raises(NotApplied, match="settings we never write"):
        apply(config, Commands(), etc=tmp_path / "etc")
    assert not (tmp_path / "etc").exists()


@pytest.mark.parametrize(
    "smuggled", ["script /tmp/x", "\tscript\t/tmp/x", "include /etc/shadow", "controlgroup root"]
)
def test_no_program_is_smuggled_in_with_the_question_for_a_prefix(tmp_path: Path, smuggled: str) -> None:
    config = rendered(tmp_path)
    file = tmp_path / "run" / "rendered" / PREFIX
    file.write_text(file.read_text() + smuggled + "\n")
    with pytest.raises(NotApplied, match="settings we never write"):
        apply(config, Commands(), etc=tmp_path / "etc")
    assert not (tmp_path / "etc").exists()


@pytest.mark.parametrize(
    "smuggled", ["ctrl_interface=/etc/shadow", "ctrl_interface_group=yingke", "# a word"]
)
def test_the_access_point_is_told_to_the_letter_what_the_settings_say(tmp_path: Path, smuggled: str) -> None:
    """As root it would hand the file named there to the group named there, though it is no folder."""
    config = Config.parse({"venue": {"run_dir": str(tmp_path / "run")}, "wifi": {"interface": "wlan0"}})
    write(config, uplink_has_ipv6=True)
    file = tmp_path / "run" / "rendered" / HOSTAPD
    ours = file.read_text()
    file.write_text(ours + smuggled + "\n")
    with pytest.raises(NotApplied, match="not what the settings say"):
        apply(config, Commands(), etc=tmp_path / "etc")
    assert not (tmp_path / "etc").exists()
    file.write_text(ours)
    assert tmp_path / "etc" / "hostapd" / "wlan0.conf" in apply(config, Commands(), etc=tmp_path / "etc")


def test_a_setting_at_the_end_of_a_long_comment_is_not_installed(tmp_path: Path) -> None:
    config = rendered(tmp_path)
    file = tmp_path / "run" / "rendered" / DNSMASQ
    file.write_text(file.read_text() + "#" * 1024 + "dhcp-script=/tmp/x\n")
    with pytest.raises(NotApplied, match="a line longer than"):
        apply(config, Commands(), etc=tmp_path / "etc")
    assert not (tmp_path / "etc").exists()


def test_a_set_that_is_not_the_walled_gardens_is_not_filled(tmp_path: Path) -> None:
    config = rendered(tmp_path)
    file = tmp_path / "run" / "rendered" / DNSMASQ
    file.write_text(file.read_text() + "nftset=/x.example/4#inet#yingke#admitted\n")
    with pytest.raises(NotApplied, match="another set than the walled garden's"):
        apply(config, Commands(), etc=tmp_path / "etc")
    assert not (tmp_path / "etc").exists()


def test_root_does_not_follow_a_link(tmp_path: Path) -> None:
    config = rendered(tmp_path)
    file = tmp_path / "run" / "rendered" / DNSMASQ
    file.rename(tmp_path / "elsewhere")
    file.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(NotApplied, match="cannot be read"):
        apply(config, Commands(), etc=tmp_path / "etc")


def test_before_the_gate_has_rendered_anything_it_says_so(tmp_path: Path) -> None:
    config = Config.parse({"venue": {"run_dir": str(tmp_path)}})
    with pytest.raises(NotApplied, match="is the gate running"):
        apply(config, Commands(), etc=tmp_path / "etc")


def test_a_missing_program_is_named_with_its_package() -> None:
    with pytest.raises(NotApplied, match="no-such-program is not installed: apt install"):
        run_command(["no-such-program"])


def test_a_failing_program_is_quoted() -> None:
    with pytest.raises(NotApplied, match=r"ls.*nowhere"):
        run_command(["ls", "/nowhere"])
