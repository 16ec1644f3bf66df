"""A real browser in a phone's namespace, driven as fingers would: typed keys and clicks, no scripts of ours.

Speaks the Chrome DevTools Protocol over a pipe (--remote-debugging-pipe: NUL-separated JSON on file
descriptors 3 and 4), so no port is open and nothing waits for one.
"""

import base64
import fcntl
import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

from tests.lab.namespace import environment

Message = dict[str, Any]

_QUIET = [
    "--headless",
    "--no-sandbox",  # Chromium refuses to run as root with it; its sandbox is not what we try
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-default-apps",
    "--disable-extensions",
    "--hide-scrollbars",
    "--disable-features=OptimizationHints,MediaRouter,Translate",
    "--remote-debugging-pipe",
]
# Puts the two ends of our pipes where Chromium looks for them, then becomes Chromium.
_ON_3_AND_4 = "import os, sys; os.dup2(int(sys.argv[1]), 3); os.dup2(int(sys.argv[2]), 4); " + (
    "os.execvp(sys.argv[3], sys.argv[3:])"
)


class BrowserFailed(AssertionError):
    """The browser said no, did not answer in time, or shows no such thing."""


class Machine(Protocol):
    """Where the browser runs: a phone's namespace, or this machine itself."""

    @property
    def home(self) -> Path: ...
    def command(self, *command: str) -> list[str]: ...


class Chromium:
    """One browser window with a fresh profile; `page` is a phone's screen unless told otherwise."""

    def __init__(
        self,
        machine: Machine,
        *,
        language: str = "en",
        javascript: bool = True,
        width: int = 390,
        height: int = 844,
        scale: float = 1,
        dark: bool = False,
    ) -> None:
        self._log = (machine.home / "chromium.log").open("ab")
        profile = machine.home / f"chromium-{time.monotonic_ns()}"
        command_end, self._commands = _pipe()
        self._answers, answer_end = _pipe()
        ends = (command_end, answer_end)
        flags = [*_QUIET, f"--user-data-dir={profile}", f"--lang={language}", "about:blank"]
        launcher = [sys.executable, "-c", _ON_3_AND_4, *map(str, ends), "chromium", *flags]
        home = str(machine.home)
        self._process = subprocess.Popen(
            machine.command(*launcher),
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
            pass_fds=ends,
            env=environment() | {"HOME": home, "TMPDIR": home, "LANGUAGE": language},
        )
        for end in ends:
            os.close(end)
        self._buffer = b""
        self._last_id = 0
        self._events: list[Message] = []
        self._session = ""
        self._attach()
        self._call("Emulation.setScriptExecutionDisabled", value=not javascript)
        self._call("Network.enable")
        self._call("Network.setExtraHTTPHeaders", headers={"Accept-Language": language})
        self._call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=scale,
            mobile=width < 600,
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self._call("Emulation.setEmulatedMedia", features=[scheme])

    def _attach(self) -> None:
        pages = [info for info in self._call("Target.getTargets")["targetInfos"] if info["type"] == "page"]
        target = (
            pages[0]["targetId"]
            if pages
            else self._call("Target.createTarget", url="about:blank")["targetId"]
        )
        attached = self._call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        self._call("Page.enable")
        self._call("DOM.enable")

    def open(self, url: str, within_seconds: float = 30) -> None:
        """Types an address and waits until the page is there, redirects followed. Raises BrowserFailed."""

        def go() -> None:
            error = self._call("Page.navigate", url=url).get("errorText")
            if error:
                raise BrowserFailed(f"{url}: {error}")

        self._until_loaded(go, within_seconds)

    def fill(self, selector: str, text: str) -> None:
        """Taps a field and types into it."""
        self._call("DOM.focus", nodeId=self._find(selector))
        self._call("Input.insertText", text=text)

    def tap(self, selector: str) -> None:
        """Taps something that leads to no other page, such as a tick box."""
        node = self._find(selector)
        self._call("DOM.scrollIntoViewIfNeeded", nodeId=node)
        quad = self._call("DOM.getContentQuads", nodeId=node)["quads"][0]
        at = {"x": sum(quad[0::2]) / 4, "y": sum(quad[1::2]) / 4, "button": "left", "clickCount": 1}
        self._call("Input.dispatchMouseEvent", type="mousePressed", **at)
        self._call("Input.dispatchMouseEvent", type="mouseReleased", **at)

    def press(self, selector: str, within_seconds: float = 30) -> None:
        """Taps a link or button that leads to another page, and waits until that page is there."""
        self._until_loaded(lambda: self.tap(selector), within_seconds)

    def shows(self, selector: str) -> bool:
        document = self._call("DOM.getDocument")["root"]["nodeId"]
        return bool(self._call("DOM.querySelector", nodeId=document, selector=selector)["nodeId"])

    @property
    def url(self) -> str:
        history = self._call("Page.getNavigationHistory")
        return str(history["entries"][history["currentIndex"]]["url"])

    @property
    def html(self) -> str:
        document = self._call("DOM.getDocument")["root"]["nodeId"]
        return str(self._call("DOM.getOuterHTML", nodeId=document)["outerHTML"])

    def screenshot(self, file: Path, *, whole_page: bool = False) -> None:
        """The visible part of the page, or all of it, as a PNG file."""
        area: Message = {}
        if whole_page:
            size = self._call("Page.getLayoutMetrics")["cssContentSize"]
            area = {"clip": size | {"x": 0, "y": 0, "scale": 1}, "captureBeyondViewport": True}
        shot = self._call("Page.captureScreenshot", format="png", **area)
        file.write_bytes(base64.b64decode(shot["data"]))

    def _find(self, selector: str) -> int:
        document = self._call("DOM.getDocument")["root"]["nodeId"]
        node = int(self._call("DOM.querySelector", nodeId=document, selector=selector)["nodeId"])
        if not node:
            raise BrowserFailed(f"nothing on {self.url} matches {selector}:\n{self.html}")
        return node

    def _until_loaded(self, act: Callable[[], None], within_seconds: float) -> None:
        self._events.clear()
        act()
        deadline = time.monotonic() + within_seconds
        while not any(event["method"] == "Page.loadEventFired" for event in self._events):
            self._events.append(self._receive(deadline))

    def _call(self, method: str, **parameters: Any) -> Message:
        self._last_id += 1
        message: Message = {"id": self._last_id, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._commands, json.dumps(message).encode() + b"\0")
        deadline = time.monotonic() + 30
        while True:
            answer = self._receive(deadline)
            if answer.get("id") != self._last_id:
                self._events.append(answer)
                continue
            if "error" in answer:
                raise BrowserFailed(f"{method}: {answer['error']['message']}")
            result: Message = answer["result"]
            return result

    def _receive(self, deadline: float) -> Message:
        while b"\0" not in self._buffer:
            if not select.select([self._answers], [], [], max(deadline - time.monotonic(), 0))[0]:
                raise BrowserFailed("the browser did not come to an end in time")
            received = os.read(self._answers, 1 << 20)
            if not received:
                raise BrowserFailed(f"the browser is gone: {Path(self._log.name).read_text()[-2000:]}")
            self._buffer += received
        text, _, self._buffer = self._buffer.partition(b"\0")
        message: Message = json.loads(text)
        return message

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._commands)
        os.close(self._answers)
        self._log.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _pipe() -> tuple[int, int]:
    """A pipe whose ends lie above 3 and 4, where Chromium wants its own."""
    low = os.pipe()
    high = (fcntl.fcntl(low[0], fcntl.F_DUPFD_CLOEXEC, 10), fcntl.fcntl(low[1], fcntl.F_DUPFD_CLOEXEC, 10))
    for end in low:
        os.close(end)
    return high
