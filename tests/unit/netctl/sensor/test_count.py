"""`yingke-net count` speaks as other programs expect it to."""

import argparse
import csv
import json
from itertools import takewhile
from pathlib import Path
from typing import Any

import pytest

from netctl.sensor import count
from tests.lab.radio import air, write_pcap

NOON = 1_700_000_100.0
KEYS = {
    "at",
    "devices",
    "low",
    "high",
    "inside",
    "method",
    "naive_macs",
    "frames",
    "estimator_version",
}


@pytest.fixture
def capture(tmp_path: Path) -> Path:
    path = tmp_path / "air.pcap"
    frames = takewhile(lambda heard: heard[0] < NOON + 1200, air(4, NOON + 20))
    write_pcap(path, [(at, frame) for at, _, frame in frames])
    return path


def run(*arguments: object) -> int:
    parser = argparse.ArgumentParser()
    count.add_arguments(parser)
    return count.run(parser.parse_args([str(argument) for argument in arguments]))


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_each_window_is_a_line_and_the_last_line_is_the_total(
    capture: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(capture, "--json") == 0
    *windows, last = lines(capsys)
    assert [window["at"][14:] for window in windows] == [
        "15:00.000000Z",
        "20:00.000000Z",
        "25:00.000000Z",
        "30:00.000000Z",
    ]
    assert all(window.keys() >= KEYS for window in windows)
    assert last["total"].keys() == windows[0].keys()
    assert last["total"]["frames"] == sum(window["frames"] for window in windows)
    for number in (*windows, last["total"]):
        assert number["low"] <= number["devices"] <= number["high"]
        assert 0 <= number["inside"] <= number["devices"] <= number["naive_macs"]


def test_windows_are_as_long_as_asked(capture: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(capture, "--json", "--window", 60)
    *windows, _ = lines(capsys)
    assert len(windows) == 20
    assert all(window["at"].endswith(":00.000000Z") for window in windows)


def test_inside_is_what_is_strong_enough(capture: Path, capsys: pytest.CaptureFixture[str]) -> None:
    inside = []
    for level in (-120, -65, 0):
        run(capture, "--json", "--inside-dbm", level)
        inside.append(lines(capsys)[-1]["total"]["inside"])
    everyone, some, nobody = inside
    assert everyone > some > nobody == 0


def test_each_frame_counted_gets_its_device(capture: Path, tmp_path: Path) -> None:
    labels = tmp_path / "labels.csv"
    run(capture, "--json", "--labels", labels)
    with labels.open() as file:
        rows = list(csv.DictReader(file))
    assert [int(row["frame_index"]) for row in rows] == list(range(len(rows)))
    assert 1 < len({row["device"] for row in rows}) < len(rows) / 10


def test_learning_first_changes_no_frame_and_no_window(
    capture: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    quiet = tmp_path / "quiet.pcap"
    frames = takewhile(lambda heard: heard[0] < 7200, air(9, 0.0, arrivals_per_minute=0.2))
    write_pcap(quiet, [(at, frame) for at, _, frame in frames])
    run(capture, "--json")
    cold = lines(capsys)
    assert run(capture, "--json", "--learn", quiet) == 0
    warm = lines(capsys)
    assert [line.get("at") for line in warm] == [line.get("at") for line in cold]
    assert warm[-1]["total"]["frames"] == cold[-1]["total"]["frames"]
    assert warm[-1]["total"]["naive_macs"] == cold[-1]["total"]["naive_macs"]


def test_scapy_agrees(capture: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capture, "--json", "--check") == 0
    assert capsys.readouterr().err == ""


def test_a_broken_capture_is_counted_as_far_as_it_goes(
    capture: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capture.write_bytes(capture.read_bytes()[:-3])
    assert run(capture, "--json") == 1
    said = capsys.readouterr()
    assert json.loads(said.out.splitlines()[-1])["total"]["frames"] > 100
    assert said.err.count("\n") == 1
    assert "ends in the middle of frame" in said.err


def test_what_is_no_capture_is_called_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    letter = tmp_path / "letter.txt"
    letter.write_text("Dear Sir or Madam, …")
    assert run(letter, "--json") == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == f"yingke-net count: {letter} is no pcap file.\n"


def test_labels_that_cannot_be_written_are_told(capture: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capture, "--json", "--labels", capture.parent / "nowhere" / "labels.csv") == 1
    assert "cannot be written: No such file" in capsys.readouterr().err


@pytest.mark.parametrize("wrong", [["--window", "0"], ["--window", "five"], ["--inside-dbm", "20"]])
def test_a_wrong_number_is_refused_with_its_bounds(
    capture: Path, wrong: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as refusal:
        run(capture, *wrong)
    assert refusal.value.code == 2
    assert "whole number from" in capsys.readouterr().err


def test_people_get_a_table(capture: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(capture)
    head, *_, total = capsys.readouterr().out.splitlines()
    assert head.split()[:3] == ["at", "devices", "low"]
    assert total.split()[0] == "total"
    assert len(head) == len(total)


def test_no_address_is_printed_or_written(
    capture: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    labels = tmp_path / "labels.csv"
    run(capture, "--json", "--check", "--labels", labels)
    said = capsys.readouterr()
    told = (said.out + said.err + labels.read_text()).lower()
    for _, _, frame in takewhile(lambda heard: heard[0] < NOON + 1200, air(4, NOON + 20)):
        assert frame[25:31].hex() not in told
        assert frame[25:31].hex(":") not in told
