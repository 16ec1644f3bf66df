"""A clock for tests: it goes only when it is told to."""

from datetime import UTC, datetime, timedelta


class FakeClock:
    """Starts at 2026-11-23 08:00 UTC, synchronised, a thousand seconds after boot."""

    def __init__(self) -> None:
        self.boot_id = "11111111-1111-4111-8111-111111111111"
        self.wall = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
        self.uptime_seconds = 1000.0
        self.is_synced = True

    def now(self) -> datetime:
        return self.wall

    def boottime(self) -> float:
        return self.uptime_seconds

    def synced(self) -> bool:
        return self.is_synced

    def advance(self, seconds: float) -> None:
        """Time passes."""
        self.wall += timedelta(seconds=seconds)
        self.uptime_seconds += seconds

    def jump(self, seconds: float) -> None:
        """The wall clock is set; the time since boot goes on as it was."""
        self.wall += timedelta(seconds=seconds)

    def reboot(self, off_seconds: float) -> None:
        """Power was away; a machine without a battery clock comes back unsynchronised."""
        self.wall += timedelta(seconds=off_seconds)
        self.boot_id = "22222222-2222-4222-8222-222222222222"
        self.uptime_seconds = 5.0
        self.is_synced = False
