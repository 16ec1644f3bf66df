"""The demo as a person starts it: its pages open in the machine's browser, and it leaves nothing behind."""

import json
import os
import re
import select
import signal
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.lab.box import Box
from tests.lab.demo import main
from tests.lab.waiting import until


@dataclass(frozen=True, slots=True, kw_only=True)
class Demo:
    """A running demo and what it printed; `still_held` becomes readable when no process of it is left."""

    process: subprocess.Popen[str]
    said: str
    still_held: int

    def url(self, line: str) -> str:
        found = re.search(rf"^ *(?:… and )?{line}.*?(http://127\.0\.0\.1:\d+\S*)", self.said, re.MULTILINE)
        assert found, f"no line {line!r} in:\n{self.said}"
        return found.group(1)

    def nothing_left(self) -> bool:
        return bool(select.select([self.still_held], [], [], 30)[0]) and os.read(self.still_held, 1) == b""


@pytest.fixture
def demo(private_network: None) -> Iterator[Demo]:
    still_held, held = os.pipe()
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.lab.demo", "--port", "0"],
        cwd=Path(__file__).parents[2],
        stdout=subprocess.PIPE,
        text=True,
        # Inherited by every process of the demo's start, and so open as long as one of them lives.
        preexec_fn=lambda: os.set_inheritable(held, True),
        close_fds=False,
    )
    os.close(held)
    assert process.stdout is not None
    said = ""
    while "Ctrl-C" not in said:
        line = process.stdout.readline()
        assert line, f"the demo ended: {said}"
        said += line
    yield Demo(process=process, said=said, still_held=still_held)
    process.kill()
    process.communicate()
    os.close(still_held)


def get(url: str, form: dict[str, str] | None = None) -> tuple[int, str]:
    data = urllib.parse.urlencode(form).encode() if form is not None else None
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data), timeout=20) as reply:
            return reply.status, reply.read().decode()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read().decode()


def test_its_pages_open_its_numbers_move_and_ctrl_c_ends_it_all(demo: Demo) -> None:
    status, splash = get(demo.url("You are a phone"))
    assert status == 200
    assert "Lotus Tea House" in splash
    assert "Lotus Tea House" in get(demo.url("its internet"))[1]
    assert get(demo.url("The owner's page"))[0] == 200
    assert get(demo.url("Head office"))[0] == 200

    key = re.search(r"Bearer (\S+)\"", demo.said)
    assert key
    pull = urllib.request.Request(demo.url("The data team"), headers={"Authorization": f"Bearer {key[1]}"})

    def leads() -> list[object]:
        with urllib.request.urlopen(pull, timeout=20) as reply:
            return [row for row in json.load(reply)["data"] if row["venue_id"] == Box.VENUE]

    until(leads, "the first lead at head office", within_seconds=60)
    demo.process.send_signal(signal.SIGINT)
    assert demo.process.wait(timeout=60) == 0
    assert demo.nothing_left()


def test_registering_in_the_machines_browser_opens_the_gate_for_the_phone_you(demo: Demo) -> None:
    from tests.lab.web import forms

    home = demo.url("You are a phone")
    form = next(form for form in forms(get(home + "register")[1]) if "email" in form.fields)
    typed = {"name": "You", "email": "you@example.com", "terms": "yes"}
    status, _ = get(urllib.parse.urljoin(home, form.action), form.fields | typed)
    assert status == 200
    assert "Welcome to the internet" in get(demo.url("its internet"))[1]


def test_a_shopper_of_the_chains_other_store_goes_on_here(demo: Demo) -> None:
    from tests.lab.web import forms

    told = re.search(r"type the code (\S+) and the number (\S+)", demo.said)
    assert told
    home = demo.url("You are a phone")
    form = next(form for form in forms(get(home + "roaming")[1]) if "code" in form.fields)
    get(urllib.parse.urljoin(home, form.action), form.fields | {"code": told[1], "contact": told[2]})
    until(lambda: "You are online" in get(home + "roaming/wait")[1], "she is online")
    assert "Welcome to the internet" in get(demo.url("its internet"))[1]


def test_following_on_the_played_wechat_opens_the_gate(demo: Demo) -> None:
    wechat, home = demo.url("… or as a follower"), demo.url("You are a phone")

    def code() -> re.Match[str] | None:
        return re.search(r'class="digits">([0-9]{3}) ?([0-9]{3})<', get(home + "follow/wechat")[1])

    shown = until(code, "the page that says how to follow")
    assert shown is not None
    assert "You follow" in get(wechat, {"does": "follow"})[1]
    said = get(wechat, {"does": "say", "text": f"{shown[1]} {shown[2]}"})[1]
    link = re.search(rf'<a href="({re.escape(home)}g/[^"]+)">', said)
    assert link
    assert get(link[1])[0] == 200
    assert "Welcome to the internet" in get(demo.url("its internet"))[1]
    assert "do not follow" in get(wechat, {"does": "unfollow"})[1]


def test_nothing_is_left_of_it_after_kill_9(demo: Demo) -> None:
    demo.process.kill()
    assert demo.nothing_left()


@pytest.mark.parametrize("port", ["99999", "-1", "web"])
def test_a_port_that_is_none_is_refused_in_one_sentence(
    port: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        main([f"--port={port}"])
    assert end.value.code == 2
    assert f"'{port}' is no port" in capsys.readouterr().err
