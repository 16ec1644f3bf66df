"""The private world itself: it keeps out of the machine, obeys signals and leaves nothing behind."""

import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

_WORLD = "import sys; from tests.lab.private import run_inside; sys.exit(run_inside(sys.argv[1:]))"


def world(*command: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", _WORLD, *command],
        cwd=Path(__file__).parents[2],
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.mark.usefixtures("private_network")
class TestThePrivateWorld:
    def test_it_hands_back_the_exit_code_of_what_ran_in_it(self) -> None:
        assert world("sh", "-c", "exit 42").wait(timeout=20) == 42

    def test_it_has_a_network_with_nothing_but_a_loopback(self) -> None:
        links, _ = world("ip", "-brief", "link").communicate(timeout=20)
        assert [line.split()[0] for line in links.splitlines()] == ["lo"]
        assert "UP" in links

    def test_namespaces_made_in_it_are_not_seen_outside(self) -> None:
        name = f"inner{os.getpid()}"
        inner, _ = world("sh", "-c", f"ip netns add {name} && ip netns list").communicate(timeout=20)
        assert inner.split() == [name]
        outer = subprocess.run(["ip", "netns", "list"], capture_output=True, text=True, check=True).stdout
        assert name not in outer

    def test_a_signal_to_the_launcher_reaches_what_runs_in_it(self) -> None:
        launcher = world(
            "sh", "-c", "trap 'echo stopping; exit 7' TERM; echo ready; tail -f /dev/null & wait"
        )
        assert launcher.stdout is not None
        assert launcher.stdout.readline() == "ready\n"
        launcher.send_signal(signal.SIGTERM)
        assert launcher.communicate(timeout=20)[0] == "stopping\n"
        assert launcher.returncode == 7

    def test_nothing_survives_the_killing_of_the_launcher(self) -> None:
        reading, writing = os.pipe()
        code = f"import sys; from tests.lab.private import run_inside; run_inside(sys.argv[1:], [{writing}])"
        launcher = subprocess.Popen(
            [sys.executable, "-c", code, "sh", "-c", "setsid sh -c 'echo ready; exec tail -f /dev/null'"],
            cwd=Path(__file__).parents[2],
            stdout=subprocess.PIPE,
            text=True,
            pass_fds=[writing],
        )
        os.close(writing)
        assert launcher.stdout is not None
        assert launcher.stdout.readline() == "ready\n"
        launcher.kill()
        # The pipe reaches its end only when the last process that holds it is gone.
        assert select.select([reading], [], [], 20)[0]
        assert os.read(reading, 1) == b""
        os.close(reading)
