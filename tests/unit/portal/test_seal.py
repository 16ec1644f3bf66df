from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.seal import Seal
from sync.secret_file import KEY_BYTES

SEAL = Seal(b"k" * KEY_BYTES)


def test_what_was_sealed_for_a_station_opens_for_that_station_only() -> None:
    sealed = SEAL.seal("01FORM-en", "10.77.0.9")
    assert SEAL.open(sealed, "10.77.0.9") == "01FORM-en"
    assert SEAL.open(sealed, "10.77.0.90") is None
    assert Seal(b"x" * KEY_BYTES).open(sealed, "10.77.0.9") is None


@given(st.text())
def test_nothing_else_opens(text: str) -> None:
    assert SEAL.open(text, "10.77.0.9") is None


def test_the_key_outlives_a_restart_and_is_nobody_elses(tmp_path: Path) -> None:
    path = tmp_path / "portal" / "form.key"
    sealed = Seal.from_file(path).seal("text", "ip")
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert Seal.from_file(path).open(sealed, "ip") == "text"


def test_a_broken_key_is_said_at_start(tmp_path: Path) -> None:
    (tmp_path / "form.key").write_bytes(b"short")
    with pytest.raises(ValueError, match="5 bytes, not 32"):
        Seal.from_file(tmp_path / "form.key")
