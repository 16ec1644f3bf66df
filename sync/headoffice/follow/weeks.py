"""Weeks as boards have them: from Monday, in the time zone of the console (ISO 8601). Pure."""

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo


def week_name(at: datetime, zone: ZoneInfo) -> str:
    """`2026-W47`."""
    year, week, _ = at.astimezone(zone).isocalendar()
    return f"{year}-W{week:02d}"


def start_of_week(at: datetime, zone: ZoneInfo) -> datetime:
    day = at.astimezone(zone).date()
    return datetime.combine(day - timedelta(days=day.weekday()), time(), zone)


def read_week(name: str, zone: ZoneInfo) -> datetime:
    """The start of a week by its name. Raises ValueError."""
    year, _, week = name.partition("-W")
    return datetime.combine(datetime.fromisocalendar(int(year), int(week), 1), time(), zone)
