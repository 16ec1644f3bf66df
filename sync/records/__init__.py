"""The box's records: all SQL of records.db, one file a subject."""

from sync.records.connect import Records, RecordsUnavailable, migrate, open_records

__all__ = ["Records", "RecordsUnavailable", "migrate", "open_records"]
