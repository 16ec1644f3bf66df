"""How records.db came to be, step by step. A step that has shipped never changes; schema.sql is their sum."""

from sqlite_utils import Database, Migrations

from sync.model import new_id

migrations = Migrations("records")


@migrations()
def founding(db: Database) -> None:
    # Statement by statement: executescript() would commit the transaction the migration runs in.
    for statement in _FOUNDING.split(";\n"):
        db.execute(statement)
    db.execute(
        "INSERT INTO upload_state (id, epoch, acknowledged_seq) VALUES (1, :epoch, 0)", {"epoch": new_id()}
    )


@migrations()
def roaming(db: Database) -> None:
    for statement in _ROAMING.split(";\n"):
        db.execute(statement)
    db.execute("INSERT INTO command_cursor (id, after_seq) VALUES (1, 0)")


@migrations()
def requests_by_address(db: Database) -> None:
    db.execute("CREATE INDEX admission_requests_by_ip ON admission_requests (ip, boot_id, asked_boottime_ms)")


@migrations()
def vouchers(db: Database) -> None:
    for statement in _VOUCHERS.split(";\n"):
        db.execute(statement)


@migrations()
def follows(db: Database) -> None:
    for statement in _FOLLOWS.split(";\n"):
        db.execute(statement)


_FOUNDING = """
CREATE TABLE leads (
    lead_id TEXT PRIMARY KEY,
    name TEXT,
    phone TEXT,
    email TEXT,
    locale TEXT NOT NULL,
    registered_at TEXT NOT NULL,
    seen_at TEXT NOT NULL,
    CHECK (phone IS NOT NULL OR email IS NOT NULL)
) STRICT;
CREATE UNIQUE INDEX leads_by_contact ON leads (COALESCE(phone, ''), COALESCE(email, ''));
CREATE INDEX leads_by_seen_at ON leads (seen_at);
CREATE TABLE consent_texts (
    sha256 TEXT PRIMARY KEY,
    version TEXT NOT NULL,
    language TEXT NOT NULL,
    text TEXT NOT NULL
) STRICT;
CREATE TABLE consents (
    consent_id TEXT PRIMARY KEY,
    lead_id TEXT NOT NULL REFERENCES leads (lead_id) ON DELETE CASCADE,
    purpose TEXT NOT NULL,
    text_sha256 TEXT NOT NULL REFERENCES consent_texts (sha256),
    given_at TEXT NOT NULL,
    method TEXT NOT NULL,
    withdrawn_at TEXT
) STRICT;
CREATE INDEX consents_by_lead ON consents (lead_id);
CREATE TABLE admission_requests (
    request_id TEXT PRIMARY KEY,
    ip TEXT NOT NULL,
    lead_id TEXT,
    method TEXT NOT NULL,
    session_seconds INTEGER NOT NULL,
    asked_at TEXT NOT NULL,
    boot_id TEXT NOT NULL,
    asked_boottime_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX admission_requests_by_asked ON admission_requests (boot_id, asked_boottime_ms);
CREATE TABLE visits (
    visit_id TEXT PRIMARY KEY,
    session_id TEXT,
    lead_id TEXT,
    started_at TEXT NOT NULL,
    ended_at TEXT NOT NULL,
    dwell_seconds INTEGER NOT NULL
) STRICT;
CREATE INDEX visits_by_started_at ON visits (started_at);
CREATE TABLE footfall (
    footfall_id TEXT PRIMARY KEY,
    window_start TEXT NOT NULL UNIQUE,
    window_seconds INTEGER NOT NULL,
    devices INTEGER,
    low INTEGER,
    high INTEGER,
    inside INTEGER,
    passers_by INTEGER,
    stations INTEGER NOT NULL,
    dwell_histogram TEXT NOT NULL,
    method TEXT NOT NULL,
    naive_macs INTEGER NOT NULL,
    frames INTEGER NOT NULL,
    inside_dbm INTEGER NOT NULL,
    estimator_version TEXT NOT NULL,
    complete INTEGER NOT NULL
) STRICT;
CREATE TABLE sensor_cursor (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    presences_seq INTEGER NOT NULL
) STRICT;
CREATE TABLE notices (
    notice_id TEXT PRIMARY KEY,
    key TEXT NOT NULL,
    severity TEXT NOT NULL,
    detail TEXT NOT NULL,
    raised_at TEXT NOT NULL,
    cleared_at TEXT
) STRICT;
CREATE UNIQUE INDEX notices_open ON notices (key) WHERE cleared_at IS NULL;
CREATE TABLE owner_account (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    password_hash TEXT NOT NULL,
    changed_at TEXT NOT NULL
) STRICT;
CREATE TABLE outbox (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    event_id TEXT NOT NULL UNIQUE,
    type TEXT NOT NULL,
    at TEXT NOT NULL,
    clock TEXT NOT NULL,
    boot_id TEXT NOT NULL,
    monotonic_ms INTEGER NOT NULL,
    body TEXT NOT NULL
) STRICT;
CREATE TABLE rejected_events (
    seq INTEGER PRIMARY KEY,
    event_id TEXT NOT NULL,
    type TEXT NOT NULL,
    body TEXT NOT NULL,
    key TEXT NOT NULL,
    message TEXT NOT NULL,
    rejected_at TEXT NOT NULL
) STRICT;
CREATE TABLE upload_state (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    epoch TEXT NOT NULL,
    acknowledged_seq INTEGER NOT NULL,
    last_success_at TEXT,
    last_attempt_at TEXT,
    last_error TEXT
) STRICT
"""

_ROAMING = """
CREATE TABLE roaming_requests (
    request_id TEXT PRIMARY KEY,
    ip TEXT NOT NULL,
    code_sha256 TEXT NOT NULL,
    contact TEXT NOT NULL,
    asked_at TEXT NOT NULL,
    boot_id TEXT NOT NULL,
    asked_boottime_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX roaming_requests_by_asked ON roaming_requests (boot_id, asked_boottime_ms);
CREATE TABLE roaming_refusals (
    request_id TEXT PRIMARY KEY,
    key TEXT NOT NULL,
    refused_at TEXT NOT NULL
) STRICT;
CREATE TABLE grants (
    grant_id TEXT PRIMARY KEY,
    request_id TEXT NOT NULL UNIQUE,
    ip TEXT NOT NULL,
    lead_id TEXT,
    method TEXT NOT NULL,
    session_seconds INTEGER NOT NULL,
    granted_at TEXT NOT NULL,
    boot_id TEXT NOT NULL,
    granted_boottime_ms INTEGER NOT NULL,
    revoked_at TEXT
) STRICT;
CREATE INDEX grants_by_granted ON grants (boot_id, granted_boottime_ms);
CREATE TABLE command_cursor (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    after_seq INTEGER NOT NULL
) STRICT;
CREATE TABLE commands_set_aside (
    command_id TEXT PRIMARY KEY,
    seq INTEGER NOT NULL,
    kind TEXT NOT NULL,
    issued_at TEXT NOT NULL,
    body TEXT NOT NULL,
    reason TEXT NOT NULL,
    set_aside_at TEXT NOT NULL
) STRICT
"""

_VOUCHERS = """
CREATE TABLE vouchers (
    code TEXT PRIMARY KEY,
    batch_id TEXT NOT NULL,
    session_seconds INTEGER NOT NULL,
    uses INTEGER NOT NULL,
    made_at TEXT NOT NULL,
    expires_at TEXT NOT NULL
) STRICT;
CREATE INDEX vouchers_by_batch ON vouchers (batch_id);
CREATE INDEX vouchers_by_expires_at ON vouchers (expires_at);
CREATE TABLE voucher_uses (
    request_id TEXT PRIMARY KEY,
    code TEXT NOT NULL REFERENCES vouchers (code) ON DELETE CASCADE,
    used_at TEXT NOT NULL
) STRICT;
CREATE INDEX voucher_uses_by_code ON voucher_uses (code)
"""

_FOLLOWS = """
CREATE TABLE follow_accounts (
    account TEXT PRIMARY KEY,
    place INTEGER NOT NULL,
    platform TEXT NOT NULL,
    title TEXT NOT NULL,
    proof TEXT NOT NULL,
    poster_url TEXT,
    poster_code TEXT,
    link TEXT
) STRICT;
CREATE TABLE follow_codes (
    account TEXT NOT NULL,
    ref TEXT NOT NULL,
    code TEXT NOT NULL,
    url TEXT,
    expires_at TEXT NOT NULL,
    PRIMARY KEY (account, ref)
) STRICT;
CREATE INDEX follow_codes_by_expires_at ON follow_codes (account, expires_at);
CREATE TABLE follow_offers (
    account TEXT NOT NULL,
    ref TEXT NOT NULL,
    ip TEXT NOT NULL,
    offered_at TEXT NOT NULL,
    boot_id TEXT NOT NULL,
    offered_boottime_ms INTEGER NOT NULL,
    PRIMARY KEY (account, ref)
) STRICT;
CREATE INDEX follow_offers_by_ip ON follow_offers (ip, boot_id, offered_boottime_ms);
CREATE TABLE follow_claims (
    follow_id TEXT PRIMARY KEY,
    account TEXT NOT NULL,
    ip TEXT NOT NULL,
    claimed_at TEXT NOT NULL
) STRICT;
CREATE INDEX follow_claims_by_ip ON follow_claims (ip, account);
CREATE TABLE grant_key (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    key TEXT NOT NULL,
    venue_number INTEGER NOT NULL,
    received_at TEXT NOT NULL
) STRICT;
CREATE TABLE follow_grants (
    grant_id TEXT PRIMARY KEY,
    account TEXT NOT NULL,
    platform TEXT NOT NULL,
    granted_at TEXT NOT NULL
) STRICT;
CREATE TABLE revoked_links (
    grant_id TEXT PRIMARY KEY,
    revoked_at TEXT NOT NULL
) STRICT;
CREATE TABLE used_links (
    grant_id TEXT PRIMARY KEY,
    platform TEXT NOT NULL,
    account TEXT,
    ip TEXT NOT NULL,
    used_at TEXT NOT NULL,
    expires_at TEXT NOT NULL
) STRICT;
CREATE INDEX used_links_by_expires_at ON used_links (expires_at);
CREATE TABLE forgotten_links (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    expired_before TEXT NOT NULL
) STRICT;
CREATE TABLE follow_staff (
    staff_ref TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    poster_url TEXT
) STRICT;
CREATE TABLE follow_board (
    week TEXT NOT NULL,
    place INTEGER NOT NULL,
    name TEXT NOT NULL,
    follows INTEGER NOT NULL,
    registrations INTEGER NOT NULL,
    told_at TEXT NOT NULL,
    PRIMARY KEY (week, place)
) STRICT
"""
