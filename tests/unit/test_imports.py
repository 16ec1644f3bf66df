"""Imports run one way: portal -> netctl -> sync; tests and scapy stay out of the daemons' start path."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MAY_IMPORT = {"portal": {"portal", "netctl", "sync"}, "netctl": {"netctl", "sync"}, "sync": {"sync"}}
OURS = {"portal", "netctl", "sync", "tests"}
SPEAK_SQL = (
    "sync/records/",
    "sync/group_commit.py",
    "sync/headoffice/sqlite/",
    "netctl/gate/database.py",
    "netctl/gate/store.py",
    "netctl/gate/device_store.py",
    "netctl/gate/presence_store.py",
    "netctl/gate/journal.py",
)
SQL = re.compile(r"\s*(SELECT|INSERT|UPDATE|DELETE|CREATE|PRAGMA|BEGIN|SAVEPOINT)\s+[A-Za-z*(:1-9]")


def _imported(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: imports are written in full"
            yield node.module or ""


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_a_room_looks_down_the_arrows_only(package: str) -> None:
    files = sorted((ROOT / package).rglob("*.py"))
    assert files
    wrong = [
        f"{file.relative_to(ROOT)} imports {name}"
        for file in files
        for name in _imported(file)
        if name.partition(".")[0] in OURS - MAY_IMPORT[package]
    ]
    assert wrong == []


def test_the_box_does_not_load_the_head_office() -> None:
    files = [file for file in (ROOT / "sync").rglob("*.py") if "headoffice" not in file.parts]
    files += list((ROOT / "netctl").rglob("*.py")) + list((ROOT / "portal").rglob("*.py"))
    assert [
        f"{file} {name}" for file in files for name in _imported(file) if name.startswith("sync.headoffice")
    ] == []


def test_only_the_files_that_keep_things_speak_sql() -> None:
    speaking = {
        file.relative_to(ROOT).as_posix()
        for package in MAY_IMPORT
        for file in (ROOT / package).rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and SQL.match(node.value)
    }
    assert [file for file in sorted(speaking) if not file.startswith(SPEAK_SQL)] == []
    assert [place for place in SPEAK_SQL if not any(file.startswith(place) for file in speaking)] == []


def test_the_top_level_is_as_agreed() -> None:
    tracked = {
        "portal",
        "netctl",
        "sync",
        "systemd",
        "image",
        "tests",
        "pyproject.toml",
        "README.md",
        "Makefile",
    }
    tracked |= {"LICENSE", ".gitignore", ".ci", "constraints.txt"}
    ignored = {".venv", "build", "dist", ".git", ".mypy_cache", ".ruff_cache", ".pytest_cache", ".hypothesis"}
    assert {entry.name for entry in ROOT.iterdir()} - ignored <= tracked
