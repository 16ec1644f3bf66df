"""The judge of the virtual machine: nothing that did not happen may pass."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.vm.__main__ import LAST_STEP, ended_well
from tests.vm.guest.own_tests import judged
from tests.vm.guest.steps import StepFailed
from tests.vm.machine import Machine, NeverCameUp, TimedOut


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(
        disk=tmp_path / "disk",
        kernel=tmp_path / "kernel",
        initrd=tmp_path / "initrd",
        share=tmp_path,
        came_up_seconds=0.5,
    )


def emulator(folder: Path, script: str) -> str:
    """A program that behaves as an emulator may."""
    program = folder / "emulator"
    program.write_text(f"#!/bin/sh\n{script}\n", "utf-8")
    program.chmod(0o755)
    return str(program)


@pytest.mark.parametrize("script", ["exit 0", "exit 1", "exec sleep 600"])
def test_a_machine_that_never_came_up_is_no_pass(machine: Machine, tmp_path: Path, script: str) -> None:
    broken = replace(machine, emulator=emulator(tmp_path, script))
    with pytest.raises(NeverCameUp):
        broken.boot(tmp_path / "console", timeout_seconds=5)


def test_a_machine_that_hangs_after_coming_up_is_ended_and_is_no_pass(
    machine: Machine, tmp_path: Path
) -> None:
    hanging = replace(machine, emulator=emulator(tmp_path, f"touch {tmp_path}/alive; exec sleep 600"))
    with pytest.raises(TimedOut):
        hanging.boot(tmp_path / "console", timeout_seconds=0.6)


def test_a_machine_that_powers_off_has_booted(machine: Machine, tmp_path: Path) -> None:
    good = replace(machine, emulator=emulator(tmp_path, f"touch {tmp_path}/alive"), came_up_seconds=30)
    assert good.boot(tmp_path / "console", timeout_seconds=30) < 30


REPORT = """<testsuites><testsuite>
<testcase classname="tests.lab.test_captive" name="test_a"/>{more}
</testsuite></testsuites>"""
SHAPER = '<testcase classname="tests.integration.netctl.linux.test_shaper" name="test_b">{}</testcase>'
SELECTION = ["tests/lab/test_captive.py", "tests/integration/netctl/linux/test_shaper.py"]


def test_tests_that_passed_in_the_guest_are_counted() -> None:
    assert judged(REPORT.format(more=SHAPER.format("")), SELECTION) == "2 passed"


def test_a_test_in_the_guest_is_counted_once_whatever_its_file_is_called() -> None:
    longer = SHAPER.format("").replace("test_shaper", "test_shaper_later")
    with pytest.raises(StepFailed, match=r"nothing ran of .*test_shaper"):
        judged(REPORT.format(more=longer), SELECTION)
    assert judged(REPORT.format(more=SHAPER.format("") + longer), SELECTION) == "2 passed"


@pytest.mark.parametrize("why", ["failure", "error", "skipped"])
def test_a_test_that_did_not_pass_in_the_guest_is_named(why: str) -> None:
    with pytest.raises(StepFailed, match=f"test_shaper.test_b: {why}"):
        judged(REPORT.format(more=SHAPER.format(f"<{why}/>")), SELECTION)


def test_a_file_of_which_nothing_ran_in_the_guest_is_no_pass() -> None:
    with pytest.raises(StepFailed, match=r"nothing ran of .*test_shaper"):
        judged(REPORT.format(more=""), SELECTION)


def test_a_walk_that_stops_half_way_or_says_nothing_is_no_pass() -> None:
    done = {"step": "she is online", "ok": True}
    last = {"step": LAST_STEP["first"], "ok": True}
    assert ended_well("first", [done, last])
    assert not ended_well("first", [])
    assert not ended_well("first", [done])
    assert not ended_well("first", [{"step": "first boot failed", "ok": False}])
    assert not ended_well("first", [{**done, "ok": False}, last])
