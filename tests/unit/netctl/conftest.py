"""Captures of real phones, unpacked once for all tests that want them."""

from pathlib import Path

import pytest

from tests.lab.captures import NoCaptures, unpack


def _unpacked(name: str, factory: pytest.TempPathFactory) -> Path:
    try:
        return unpack(name, factory.mktemp("captures"))
    except NoCaptures as reason:
        pytest.skip(str(reason))


@pytest.fixture(scope="session")
def confront(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Nine phones at once, each frame labelled."""
    return _unpacked("confront", tmp_path_factory)


@pytest.fixture(scope="session")
def single_phones(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Thirteen phones, each alone in a chamber."""
    return _unpacked("cagliari", tmp_path_factory)
