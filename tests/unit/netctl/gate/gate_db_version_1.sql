-- gate.db as the first shipped version made it. Never changes.

-- gate.db: the gate's own, mode 0600 in a directory of mode 0700, because MACs lie here. Made by
-- database.py. Times are TEXT, ISO 8601 UTC, six digits and Z; *_boottime_ms are milliseconds of
-- CLOCK_BOOTTIME in the boot `boot_id`; `clock` says whether the wall clock was right (synced | unsynced).

-- The wish: who is to be admitted. Ended rows die after a week (gate.py).
CREATE TABLE sessions (
    session_id TEXT PRIMARY KEY,
    mac TEXT NOT NULL,
    lead_id TEXT,
    method TEXT NOT NULL,
    started_at TEXT NOT NULL,
    seconds_granted INTEGER NOT NULL,
    seconds_left INTEGER NOT NULL,         -- when the row was written: written_at, boot_id, boottime_ms
    written_at TEXT NOT NULL,
    clock TEXT NOT NULL,
    boot_id TEXT NOT NULL,
    boottime_ms INTEGER NOT NULL,
    owed_seconds INTEGER,                  -- what was left before a boot, until the clock is right
    owed_at TEXT,                          -- when that was; NULL: the clock was wrong then too
    bytes_up INTEGER NOT NULL,
    bytes_down INTEGER NOT NULL,
    ended_at TEXT,
    reason TEXT                            -- expired | signed_out | expelled | lost_at_reboot
) STRICT;
-- A station has one live session at most.
CREATE UNIQUE INDEX live_sessions ON sessions (mac) WHERE ended_at IS NULL;
CREATE INDEX sessions_by_mac ON sessions (mac, started_at);

-- Which admission request led to which session: asked twice, answered twice, admitted once. Dies after a week.
CREATE TABLE handled_requests (
    request_id TEXT PRIMARY KEY,
    session_id TEXT NOT NULL,
    handled_at TEXT NOT NULL
) STRICT;

-- Stations that are here. The row goes when the station does.
CREATE TABLE stays (
    visit_id TEXT PRIMARY KEY,
    mac TEXT NOT NULL UNIQUE,
    station_code TEXT NOT NULL UNIQUE,     -- four letters that gate and portal know the station by
    joined_at TEXT NOT NULL,
    joined_boottime_ms INTEGER NOT NULL,
    seen_at TEXT NOT NULL,                 -- last heard, as of the last writing
    seen_boottime_ms INTEGER NOT NULL,
    boot_id TEXT NOT NULL
) STRICT;

-- Joins and leaves, for the sensor to replay. Dies after a week.
CREATE TABLE presences (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,                    -- joined | left
    visit_id TEXT NOT NULL,
    mac TEXT NOT NULL,
    joined_at TEXT NOT NULL,
    left_at TEXT,
    session_id TEXT,
    lead_id TEXT
) STRICT;

-- Events on their way into records.outbox. Copied by event_id, maybe twice, then deleted here.
CREATE TABLE waiting_events (
    event_id TEXT PRIMARY KEY,
    type TEXT NOT NULL,
    at TEXT NOT NULL,
    clock TEXT NOT NULL,
    boot_id TEXT NOT NULL,
    monotonic_ms INTEGER NOT NULL,
    body TEXT NOT NULL                     -- JSON, without a MAC
) STRICT;
