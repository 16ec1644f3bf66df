-- The head office's database on SQLite, one writer. Times are TEXT, ISO 8601 UTC, six digits and Z, so that
-- text order is time order. venue_id leads every primary key, so that the same tables can be cut by store.
-- A test compares this page with what the migrations make.

-- Brands of the organisation. Lives as long as the brand.
CREATE TABLE brands (
    brand_id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    added_at TEXT NOT NULL,
    roaming TEXT NOT NULL DEFAULT 'off'  -- on: sessions of its stores hold in its others
) STRICT;

-- The last seq that was given to a row. One row; only changed inside a writing transaction, so that
-- seqs appear in the order of their commits.
CREATE TABLE sequence (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    last_seq INTEGER NOT NULL
) STRICT;

-- Upload keys (of one venue) and pull keys (with scopes). Only the digest of the secret.
CREATE TABLE keys (
    key_id TEXT PRIMARY KEY,
    secret_sha256 TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('upload', 'pull')),
    name TEXT NOT NULL,
    venue_id TEXT,
    scopes TEXT NOT NULL,             -- read, or read,pii
    added_at TEXT NOT NULL,
    revoked_at TEXT
) STRICT;

-- People who may sign in to the console.
CREATE TABLE staff (
    login TEXT PRIMARY KEY,
    password_hash TEXT NOT NULL,      -- argon2id
    role TEXT NOT NULL CHECK (role IN ('viewer', 'marketing')),
    changed_at TEXT NOT NULL
) STRICT;

-- Who is signed in. Dies: expires_at.
CREATE TABLE sign_ins (
    token_sha256 TEXT PRIMARY KEY,
    login TEXT NOT NULL REFERENCES staff (login) ON DELETE CASCADE,
    expires_at TEXT NOT NULL
) STRICT;

-- Every event as it came, once. `subject_id` is the lead whose personal data the body holds; an erasure
-- empties those bodies. Dies: retention.event_days.
CREATE TABLE events (
    venue_id TEXT NOT NULL,
    epoch TEXT NOT NULL,
    seq INTEGER NOT NULL,
    event_id TEXT NOT NULL,
    type TEXT NOT NULL,
    at TEXT NOT NULL,
    clock TEXT NOT NULL,
    boot_id TEXT NOT NULL,
    monotonic_ms INTEGER NOT NULL,
    body TEXT NOT NULL,               -- JSON
    subject_id TEXT,
    received_at TEXT NOT NULL,
    PRIMARY KEY (venue_id, epoch, seq)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX events_by_id ON events (venue_id, event_id);
CREATE INDEX events_by_subject ON events (venue_id, subject_id) WHERE subject_id IS NOT NULL;
CREATE INDEX events_by_received_at ON events (received_at);

-- Lines that were refused, each once, as they came. Dies: retention.rejected_days.
CREATE TABLE rejected_lines (
    venue_id TEXT NOT NULL,
    line_sha256 TEXT NOT NULL,
    epoch TEXT,
    seq INTEGER,
    key TEXT NOT NULL,
    message TEXT NOT NULL,
    line BLOB NOT NULL,
    received_at TEXT NOT NULL,
    PRIMARY KEY (venue_id, line_sha256)
) STRICT, WITHOUT ROWID;

-- What the last uploads told about each box. Never pulled: it changes with every upload.
CREATE TABLE venue_health (
    venue_id TEXT PRIMARY KEY,
    last_seen_at TEXT NOT NULL,
    version TEXT,
    clock TEXT,                       -- synced, unsynced
    skew_seconds INTEGER,             -- the box's clock minus ours
    backlog INTEGER                   -- events waiting on the box
) STRICT;

-- The ordered log for each box. Dies: expires_at, where it has one.
CREATE TABLE commands (
    venue_id TEXT NOT NULL,
    seq INTEGER NOT NULL UNIQUE,
    command_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    issued_at TEXT NOT NULL,
    expires_at TEXT,
    body TEXT NOT NULL,               -- JSON
    PRIMARY KEY (venue_id, seq)
) STRICT, WITHOUT ROWID;

-- The tables that are pulled; tables.py says what each column means. deleted = 1 is a tombstone: it keeps
-- its ids and nothing else, and no later event fills it again.
CREATE TABLE venues (
    venue_id TEXT NOT NULL, id TEXT NOT NULL CHECK (id = venue_id), seq INTEGER NOT NULL,
    brand_id TEXT NOT NULL REFERENCES brands (brand_id), updated_at TEXT NOT NULL,
    deleted INTEGER NOT NULL DEFAULT 0,
    venue_number INTEGER NOT NULL UNIQUE, name TEXT NOT NULL,
    PRIMARY KEY (venue_id, id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX venues_by_seq ON venues (seq);

CREATE TABLE leads (
    venue_id TEXT NOT NULL, id TEXT NOT NULL, seq INTEGER NOT NULL,
    brand_id TEXT NOT NULL, updated_at TEXT NOT NULL, deleted INTEGER NOT NULL DEFAULT 0,
    name TEXT, phone TEXT, email TEXT, locale TEXT, method TEXT, registered_at TEXT,
    PRIMARY KEY (venue_id, id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX leads_by_seq ON leads (seq);
CREATE INDEX leads_by_registered_at ON leads (registered_at);

CREATE TABLE identities (
    venue_id TEXT NOT NULL, id TEXT NOT NULL, seq INTEGER NOT NULL,
    brand_id TEXT NOT NULL, updated_at TEXT NOT NULL, deleted INTEGER NOT NULL DEFAULT 0,
    lead_id TEXT, platform TEXT, account TEXT, subject TEXT,
    PRIMARY KEY (venue_id, id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX identities_by_seq ON identities (seq);
CREATE INDEX identities_by_subject ON identities (account, subject) WHERE subject IS NOT NULL;
CREATE INDEX identities_by_lead ON identities (venue_id, lead_id) WHERE lead_id IS NOT NULL;

CREATE TABLE consents (
    venue_id TEXT NOT NULL, id TEXT NOT NULL, seq INTEGER NOT NULL,
    brand_id TEXT NOT NULL, updated_at TEXT NOT NULL, deleted INTEGER NOT NULL DEFAULT 0,
    lead_id TEXT, purpose TEXT, notice_version TEXT, notice_sha256 TEXT, language TEXT,
    given_at TEXT, method TEXT, withdrawn_at TEXT,
    PRIMARY KEY (venue_id, id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX consents_by_seq ON consents (seq);
CREATE INDEX consents_by_lead ON consents (venue_id, lead_id);

CREATE TABLE visits (
    venue_id TEXT NOT NULL, id TEXT NOT NULL, seq INTEGER NOT NULL,
    brand_id TEXT NOT NULL, updated_at TEXT NOT NULL, deleted INTEGER NOT NULL DEFAULT 0,
    session_id TEXT, lead_id TEXT, started_at TEXT, ended_at TEXT, dwell_seconds INTEGER,
    PRIMARY KEY (venue_id, id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX visits_by_seq ON visits (seq);
CREATE INDEX visits_by_started_at ON visits (started_at);

CREATE TABLE sessions (
    venue_id TEXT NOT NULL, id TEXT NOT NULL, seq INTEGER NOT NULL,
    brand_id TEXT NOT NULL, updated_at TEXT NOT NULL, deleted INTEGER NOT NULL DEFAULT 0,
    lead_id TEXT, method TEXT, started_at TEXT, seconds_granted INTEGER, ended_at TEXT, reason TEXT,
    duration_seconds INTEGER, bytes_up INTEGER, bytes_down INTEGER,
    PRIMARY KEY (venue_id, id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX sessions_by_seq ON sessions (seq);
CREATE INDEX sessions_by_started_at ON sessions (started_at);

CREATE TABLE follows (
    venue_id TEXT NOT NULL, id TEXT NOT NULL, seq INTEGER NOT NULL,
    brand_id TEXT NOT NULL, updated_at TEXT NOT NULL, deleted INTEGER NOT NULL DEFAULT 0,
    lead_id TEXT, platform TEXT, account TEXT, state TEXT,
    source TEXT, staff_ref TEXT, followed_at TEXT, ended_at TEXT,
    PRIMARY KEY (venue_id, id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX follows_by_seq ON follows (seq);
CREATE INDEX follows_by_followed_at ON follows (followed_at);
CREATE INDEX follows_by_ended_at ON follows (ended_at) WHERE ended_at IS NOT NULL;

CREATE TABLE footfall (
    venue_id TEXT NOT NULL, id TEXT NOT NULL, seq INTEGER NOT NULL,
    brand_id TEXT NOT NULL, updated_at TEXT NOT NULL, deleted INTEGER NOT NULL DEFAULT 0,
    window_start TEXT, window_seconds INTEGER, devices INTEGER, low INTEGER, high INTEGER, inside INTEGER,
    passers_by INTEGER, stations INTEGER, dwell_histogram TEXT, method TEXT, naive_macs INTEGER,
    frames INTEGER, inside_dbm INTEGER, estimator_version TEXT,
    PRIMARY KEY (venue_id, id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX footfall_by_seq ON footfall (seq);

CREATE TABLE deletions (
    venue_id TEXT NOT NULL, id TEXT NOT NULL, seq INTEGER NOT NULL,
    brand_id TEXT NOT NULL, updated_at TEXT NOT NULL, deleted INTEGER NOT NULL DEFAULT 0,
    lead_id TEXT, erased_at TEXT,
    PRIMARY KEY (venue_id, id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX deletions_by_seq ON deletions (seq);

-- Whose session a code is: the digest that came with session.started. Asked for across stores, so no venue
-- leads its key. Dies: 31 days after it came.
CREATE TABLE roaming_codes (
    code_sha256 TEXT PRIMARY KEY,
    venue_id TEXT NOT NULL,
    session_id TEXT NOT NULL,
    epoch TEXT NOT NULL,              -- with seq: the event that told of it
    seq INTEGER NOT NULL,
    received_at TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX roaming_codes_by_received_at ON roaming_codes (received_at);

-- Which other store a session goes on in, asked for once by request_id. Dies when the session is over.
CREATE TABLE roaming_grants (
    venue_id TEXT NOT NULL,
    request_id TEXT NOT NULL,
    grant_id TEXT NOT NULL,
    code_sha256 TEXT NOT NULL,
    origin_venue_id TEXT NOT NULL,
    origin_session_id TEXT NOT NULL,
    lead_id TEXT NOT NULL,
    granted_at TEXT NOT NULL,
    ends_at TEXT NOT NULL,
    revoked_at TEXT,                  -- when the session moved on to another store
    PRIMARY KEY (venue_id, request_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX roaming_grants_by_origin ON roaming_grants (origin_venue_id, origin_session_id);
CREATE INDEX roaming_grants_by_ends_at ON roaming_grants (ends_at);

-- Head office's own key for digests: who follows is compared by them, and they name nobody. One row.
CREATE TABLE follow_secret (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    secret TEXT NOT NULL              -- 64 hex
) STRICT;

-- Each store's key for grant links. Lives as long as the store.
CREATE TABLE follow_keys (
    venue_id TEXT PRIMARY KEY,
    key TEXT NOT NULL                 -- 64 hex
) STRICT;

-- What a QR or six digits stand for: a session at a store, its poster, a badge. minted_at is NULL while the
-- platform is still to be asked for the QR, url while there is none. Dies: expires_at, a day after
-- offered_at, or with the badge.
CREATE TABLE follow_codes (
    account TEXT NOT NULL,
    code TEXT NOT NULL,
    venue_id TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('session', 'poster', 'staff')),
    ref TEXT NOT NULL,                -- staff_ref of a badge, empty for the poster
    url TEXT,
    minted_at TEXT,
    expires_at TEXT,
    offered_at TEXT,                  -- when it was in somebody's hands
    staff_ref TEXT,                   -- of a session: with whose badge she came to the page
    used_by TEXT,                     -- digest of who was granted by it
    PRIMARY KEY (account, code)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX follow_codes_by_ref ON follow_codes (account, ref, venue_id, kind);
CREATE INDEX follow_codes_in_stock ON follow_codes (venue_id, account, expires_at)
    WHERE kind = 'session' AND offered_at IS NULL AND used_by IS NULL;
CREATE INDEX follow_codes_for_good ON follow_codes (venue_id, ref) WHERE kind <> 'session';
CREATE INDEX follow_codes_to_mint ON follow_codes (account) WHERE minted_at IS NULL;

-- Admissions that head office granted for a follow. Dies: 31 days after granted_at.
CREATE TABLE follow_grants (
    grant_id TEXT PRIMARY KEY,
    venue_id TEXT NOT NULL,
    account TEXT NOT NULL,
    person TEXT NOT NULL,             -- digest
    source TEXT NOT NULL,             -- code of the follow_codes row
    ref TEXT,
    code TEXT,
    granted_at TEXT NOT NULL,
    expires_at TEXT NOT NULL,
    opened_at TEXT                    -- when it opened the gate, as the box told
) STRICT, WITHOUT ROWID;
CREATE INDEX follow_grants_by_person ON follow_grants (person, venue_id);
CREATE INDEX follow_grants_by_granted_at ON follow_grants (granted_at);

-- What each event was answered, so that a repeated one is answered alike. Dies: 3 days after heard_at.
CREATE TABLE follow_heard (
    account TEXT NOT NULL,
    event TEXT NOT NULL,              -- digest of its dedupe key, which may hold a name
    text TEXT,
    link TEXT,
    code TEXT,
    heard_at TEXT NOT NULL,
    PRIMARY KEY (account, event)
) STRICT, WITHOUT ROWID;
CREATE INDEX follow_heard_by_heard_at ON follow_heard (heard_at);

-- Who follows our accounts now, by the platform's name for her. Dies when she leaves.
CREATE TABLE follow_people (
    account TEXT NOT NULL,
    subject TEXT NOT NULL,
    person TEXT NOT NULL,             -- digest
    followed_at TEXT NOT NULL,
    check_at TEXT,                    -- when the platform is asked whether she is still there
    again_at TEXT,                    -- when it was told once more that she follows
    PRIMARY KEY (account, subject)
) STRICT, WITHOUT ROWID;
CREATE INDEX follow_people_by_check_at ON follow_people (check_at) WHERE check_at IS NOT NULL;

-- What is remembered against farming and against events in the wrong order, by digest. Dies: 400 days after
-- noted_at.
CREATE TABLE follow_memory (
    person TEXT PRIMARY KEY,
    credited_at TEXT,
    ended_at TEXT,
    noted_at TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- The stores' own staff, as their badges name them. left_at: the badge brings nobody credit any more.
CREATE TABLE follow_members (
    venue_id TEXT NOT NULL,
    staff_ref TEXT NOT NULL,
    name TEXT NOT NULL,
    added_at TEXT NOT NULL,
    left_at TEXT,
    PRIMARY KEY (venue_id, staff_ref)
) STRICT, WITHOUT ROWID;

-- Follows and registrations that members of staff won. Dies: 400 days after credited_at.
CREATE TABLE follow_credits (
    venue_id TEXT NOT NULL,
    credit_id TEXT NOT NULL,
    staff_ref TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('follow', 'registration')),
    person TEXT NOT NULL,             -- digest
    credited_at TEXT NOT NULL,
    taken_back_at TEXT,               -- she left within a day
    PRIMARY KEY (venue_id, credit_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX follow_credits_by_person ON follow_credits (person);
CREATE INDEX follow_credits_by_credited_at ON follow_credits (credited_at);

-- What each store was told last of what it is told in full, so that only changes are told.
CREATE TABLE follow_told (
    venue_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    body TEXT NOT NULL,               -- JSON
    told_at TEXT NOT NULL,
    PRIMARY KEY (venue_id, kind)
) STRICT, WITHOUT ROWID;

-- Accounts for which the platform gives no QR now, and why.
CREATE TABLE follow_troubles (
    account TEXT PRIMARY KEY,
    why TEXT NOT NULL CHECK (why IN ('no_permission', 'unavailable', 'unsupported')),
    since TEXT NOT NULL
) STRICT, WITHOUT ROWID;
