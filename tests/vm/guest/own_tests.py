"""The gate's own tests, run in the guest: on the kernel a shop's Debian has, with all its modules."""

import os
import platform
import subprocess
import xml.etree.ElementTree as ElementTree
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from tests.vm.guest.steps import HOST, StepFailed, check, step

_LINUX = "tests/integration/netctl/linux"
SELECTION = (
    "tests/lab/test_captive.py",
    *(f"{_LINUX}/test_ruleset{part}.py" for part in ("", "_addresses", "_captive", "_garden", "_meeting")),
    *(f"{_LINUX}/test_ruleset{part}.py" for part in ("_ports", "_private")),
    f"{_LINUX}/test_kernel.py",
    f"{_LINUX}/test_shaper.py",
)
# Floods are slower here than the limits they are to meet; one check of a phone is as good as twenty.
LEFT_OUT = "flood or does_not_fill or every_connectivity_check"
STAGE = Path("/opt/vm")
TIMEOUT_SECONDS = 520


def boot() -> None:
    with step("the gate's own tests pass on this kernel") as told:
        told(f"Linux {platform.release()}: {judged(results(), SELECTION)}")


def results() -> str:
    """Runs them; their report as JUnit XML, and what they said in the folder shared with the host."""
    report = HOST / "own-tests.xml"
    options = ["-q", "-p", "no:cacheprovider", "--durations=25", f"--junitxml={report}"]
    options += ["-k", f"not ({LEFT_OUT})"]
    command = ["/opt/yingke/bin/python", "-m", "tests", *SELECTION, *options]
    surroundings = {**os.environ, "PYTHONPATH": f"{STAGE}:{STAGE}/site", "YINGKE_PATIENCE": "6"}
    with (HOST / "own-tests.txt").open("w", encoding="utf-8") as said:
        try:
            done = subprocess.run(
                command, cwd=STAGE, env=surroundings, stdout=said, stderr=said, timeout=TIMEOUT_SECONDS
            )
        except subprocess.TimeoutExpired:
            raise StepFailed(f"not done after {TIMEOUT_SECONDS} s, see own-tests.txt") from None
    check(report.exists(), f"no report, exit {done.returncode}, see own-tests.txt")
    return report.read_text("utf-8")


def judged(report: str, selection: Sequence[str]) -> str:
    """How many passed, by the report. Raises StepFailed when one did not, or none of a file ran: silence is
    no success, and what was skipped was not tried.
    """
    passed: Counter[str] = Counter()
    for case in ElementTree.fromstring(report).iter("testcase"):
        name = f"{case.get('classname')}.{case.get('name')}"
        bad = [part.tag for part in case if part.tag in ("failure", "error", "skipped")]
        check(not bad, f"{name}: {', '.join(bad)}, see own-tests.txt")
        passed.update(file for file in selection if name.startswith(file[:-2].replace("/", ".")))
    check(not (silent := [file for file in selection if not passed[file]]), f"nothing ran of {silent}")
    return f"{passed.total()} passed"
