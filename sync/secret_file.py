"""A secret of one process in a file of its own, made at the first start."""

import os
from pathlib import Path

KEY_BYTES = 32


def read_key(path: Path) -> bytes:
    """The secret in `path`, made when there is none. Raises OSError, ValueError when it is not whole."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not path.exists():
        _write_new(path, os.urandom(KEY_BYTES))
    key = path.read_bytes()
    if len(key) != KEY_BYTES:
        raise ValueError(f"{path} has {len(key)} bytes, not {KEY_BYTES}: remove it, and a new one is made")
    return key


def _write_new(path: Path, key: bytes) -> None:
    """Whole or not at all, also when the power fails between the two: half a key would open nothing."""
    unfinished = path.with_suffix(".new")
    with open(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(key)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)
