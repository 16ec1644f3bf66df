"""A million requests, made to reach every branch, change nothing for the next one."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("atheris", reason="atheris has no wheel for this Python or machine")

RUNS = 1_000_000
TARGETS = ("answerer", "gate-socket", "interceptor", "wechat")


@pytest.fixture(scope="module")
def running() -> Iterator[dict[str, subprocess.Popen[str]]]:
    """All targets at once, on the machine's cores."""
    started = {
        target: subprocess.Popen(
            [sys.executable, "-m", "tests.fuzz", target, "--runs", str(RUNS)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for target in TARGETS
    }
    yield started
    for process in started.values():
        process.kill()
        process.communicate()


@pytest.mark.parametrize("target", TARGETS)
def test_a_million_fuzzed_requests_crash_nothing_and_leave_nothing(
    running: dict[str, subprocess.Popen[str]], target: str
) -> None:
    said, _ = running[target].communicate(timeout=600)
    assert running[target].returncode == 0, said[-4000:]
    assert f"Done {RUNS} runs" in said
    # Guided: more was reached than by the seeds alone.
    reached = [int(found) for found in re.findall(r"cov: (\d+)", said)]
    assert reached[-1] > reached[0]


def test_a_target_that_fails_is_told_as_failed(tmp_path: Path) -> None:
    """The check can fail: libFuzzer's exit code is that of the target."""
    options = f"['x', '-runs=2000', '-artifact_prefix={tmp_path}/']"
    broken = f"import atheris; atheris.Setup({options}, lambda data: 1 / (len(data) < 3)); atheris.Fuzz()"
    done = subprocess.run([sys.executable, "-c", broken], capture_output=True, timeout=120, check=False)
    assert done.returncode != 0
