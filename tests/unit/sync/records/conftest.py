"""A store's records in a temporary folder, and a clock that goes when it is told to."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sync.records import Records, migrate, open_records
from tests.clock import FakeClock


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "records.db"
    migrate(path)
    return path


@pytest.fixture
async def portal_records(path: Path) -> AsyncIterator[Records]:
    records = await open_records(path, "portal")
    yield records
    await records.close()


@pytest.fixture
async def sensor_records(path: Path) -> AsyncIterator[Records]:
    records = await open_records(path, "sensor")
    yield records
    await records.close()
