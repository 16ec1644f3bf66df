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
    reason TEXT,                           -- see EndReason in api.py
    bytes_limit INTEGER,                   -- of this session alone, both ways together; NULL: none
    day TEXT NOT NULL DEFAULT '',          -- what its bytes are counted for; '': not known yet (day_use.py)
    bytes_before_day INTEGER NOT NULL DEFAULT 0
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
    boot_id TEXT NOT NULL,
    steps TEXT NOT NULL DEFAULT '[]'       -- JSON: what it did on its way through the gate (trace.py)
) STRICT;

-- What a station has had of its last day here, apart from its live session. Dies after a week.
CREATE TABLE day_uses (
    mac TEXT PRIMARY KEY,
    day TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    passes INTEGER NOT NULL,
    written_at TEXT NOT NULL
) STRICT;

-- Devices that the owner allowed (till, printer, staff) or blocked. Until she takes them out.
CREATE TABLE devices (
    device_id TEXT PRIMARY KEY,
    mac TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,                    -- allowed | blocked
    name TEXT NOT NULL,
    added_at TEXT NOT NULL
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

-- What became of each session, for the legal log to read. Written by the triggers, so always in the transaction
-- that changes the session. Dies after a week.
CREATE TABLE journal (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    what TEXT NOT NULL,                    -- started | extended | ended
    at TEXT NOT NULL,
    clock TEXT NOT NULL,
    session_id TEXT NOT NULL,
    mac TEXT NOT NULL,
    lead_id TEXT,
    method TEXT NOT NULL,
    reason TEXT,
    bytes_up INTEGER NOT NULL,
    bytes_down INTEGER NOT NULL
) STRICT;
CREATE TRIGGER session_started AFTER INSERT ON sessions BEGIN
    INSERT INTO journal (what, at, clock, session_id, mac, lead_id, method, bytes_up, bytes_down)
    VALUES
        ('started', NEW.started_at, NEW.clock, NEW.session_id, NEW.mac, NEW.lead_id, NEW.method,
         NEW.bytes_up, NEW.bytes_down);
END;
CREATE TRIGGER session_extended AFTER UPDATE OF seconds_granted, lead_id ON sessions
    WHEN NEW.seconds_granted <> OLD.seconds_granted OR NEW.lead_id IS NOT OLD.lead_id BEGIN
    INSERT INTO journal (what, at, clock, session_id, mac, lead_id, method, bytes_up, bytes_down)
    VALUES
        ('extended', NEW.written_at, NEW.clock, NEW.session_id, NEW.mac, NEW.lead_id, NEW.method,
         NEW.bytes_up, NEW.bytes_down);
END;
CREATE TRIGGER session_ended AFTER UPDATE OF ended_at ON sessions
    WHEN OLD.ended_at IS NULL AND NEW.ended_at IS NOT NULL BEGIN
    INSERT INTO journal (what, at, clock, session_id, mac, lead_id, method, reason, bytes_up,
        bytes_down)
    VALUES
        ('ended', NEW.ended_at, NEW.clock, NEW.session_id, NEW.mac, NEW.lead_id, NEW.method,
         NEW.reason, NEW.bytes_up, NEW.bytes_down);
END;

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
