"""A long-running program of the virtual store: started, known to be ready, killed, started again."""

import contextlib
import os
import select
import signal
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.lab.waiting import PATIENCE


class NotReady(AssertionError):
    """A program ended, or said nothing, before it was ready; the text holds what it said."""


class Daemon:
    """With `notifies` it tells us that it is ready as it would tell systemd (sd_notify(3))."""

    def __init__(
        self, name: str, command: Sequence[str], *, log: Path, environment: Mapping[str, str], notifies: bool
    ) -> None:
        self.name = name
        self._command = list(command)
        self._log = log
        self._environment = dict(environment)
        self._notifies = notifies
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None, f"{self.name} was never started"
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self, within_seconds: float = 30) -> "Daemon":
        """Starts it and waits until it is ready. Raises NotReady."""
        assert not self.running, f"{self.name} runs already"
        address = self._log.with_suffix(".notify")
        address.unlink(missing_ok=True)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager, self._log.open("ab") as log:
            manager.bind(str(address))
            environment = self._environment | ({"NOTIFY_SOCKET": str(address)} if self._notifies else {})
            self._process = subprocess.Popen(
                self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment
            )
            if self._notifies:
                self._wait_until_ready(manager, time.monotonic() + within_seconds * PATIENCE)
        return self

    def _wait_until_ready(self, manager: socket.socket, deadline: float) -> None:
        ended = os.pidfd_open(self.pid)
        try:
            while True:
                left = deadline - time.monotonic()
                readable, _, _ = select.select([manager.fileno(), ended], [], [], max(left, 0))
                if manager.fileno() in readable:
                    if b"READY=1" in manager.recv(4096).split(b"\n"):
                        return
                else:
                    reason = "ended" if readable else "was not ready in time"
                    raise NotReady(f"{self.name} {reason}:\n{self.said()}")
        finally:
            os.close(ended)

    def kill(self) -> None:
        """As a crash would end it (SIGKILL)."""
        self._end(signal.SIGKILL)

    def pause(self) -> None:
        """Freezes it (SIGSTOP), as a machine that has no time for it."""
        os.kill(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        os.kill(self.pid, signal.SIGCONT)

    def stop(self) -> int:
        """As the service manager would end it (SIGTERM); returns its exit code."""
        return self._end(signal.SIGTERM)

    def _end(self, how: signal.Signals) -> int:
        if self._process is None:
            return 0
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(how)
        return self._process.wait(timeout=20)

    def said(self) -> str:
        """All it has written so far."""
        return self._log.read_text(errors="replace") if self._log.exists() else ""
