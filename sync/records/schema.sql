-- records.db: what happened in this store. Written by four processes, each to its own tables (connect.py).
-- Times are TEXT, ISO 8601 UTC, six digits and Z, so that text order is time order. Ids are ULIDs, made when
-- a thing is born. No MAC address lies here. A test compares this page with what the migrations make.

-- A contact a shopper gave us. Writer: portal. Dies: privacy.lead_days after seen_at.
CREATE TABLE leads (
    lead_id TEXT PRIMARY KEY,
    name TEXT,
    phone TEXT,                       -- E.164
    email TEXT,
    locale TEXT NOT NULL,             -- language of the page she saw: en, zh_CN
    registered_at TEXT NOT NULL,
    seen_at TEXT NOT NULL,            -- last registration with the same contact
    CHECK (phone IS NOT NULL OR email IS NOT NULL)
) STRICT;
CREATE UNIQUE INDEX leads_by_contact ON leads (COALESCE(phone, ''), COALESCE(email, ''));
CREATE INDEX leads_by_seen_at ON leads (seen_at);

-- The exact text that was shown, once for each version and language. Writer: portal.
CREATE TABLE consent_texts (
    sha256 TEXT PRIMARY KEY,          -- of the UTF-8 text
    version TEXT NOT NULL,
    language TEXT NOT NULL,
    text TEXT NOT NULL
) STRICT;

-- A ticked box. Withdrawn consents stay, as the proof they are. Writer: portal. Dies with its lead.
CREATE TABLE consents (
    consent_id TEXT PRIMARY KEY,
    lead_id TEXT NOT NULL REFERENCES leads (lead_id) ON DELETE CASCADE,
    purpose TEXT NOT NULL,            -- access_terms, marketing
    text_sha256 TEXT NOT NULL REFERENCES consent_texts (sha256),
    given_at TEXT NOT NULL,
    method TEXT NOT NULL,             -- form
    withdrawn_at TEXT
) STRICT;
CREATE INDEX consents_by_lead ON consents (lead_id);

-- The portal's word to the gate that the station at this address may be admitted. Good for 5 minutes of the
-- same boot; one for each form sent, so that a second tap asks for the same thing. Writer: portal. Dies: 1 day.
CREATE TABLE admission_requests (
    request_id TEXT PRIMARY KEY,
    ip TEXT NOT NULL,
    lead_id TEXT,
    method TEXT NOT NULL,             -- form | voucher | staff_code | roaming | follow
    session_seconds INTEGER NOT NULL,
    asked_at TEXT NOT NULL,
    boot_id TEXT NOT NULL,
    asked_boottime_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX admission_requests_by_asked ON admission_requests (boot_id, asked_boottime_ms);
CREATE INDEX admission_requests_by_ip ON admission_requests (ip, boot_id, asked_boottime_ms);

-- One stay of a station. Writer: sensor. Dies: privacy.visit_days.
CREATE TABLE visits (
    visit_id TEXT PRIMARY KEY,
    session_id TEXT,                  -- of the gate, when she was admitted
    lead_id TEXT,
    started_at TEXT NOT NULL,
    ended_at TEXT NOT NULL,
    dwell_seconds INTEGER NOT NULL
) STRICT;
CREATE INDEX visits_by_started_at ON visits (started_at);

-- One count of the radios around, for one window; the current window is rewritten while it lasts
-- (complete = 0). Writer: sensor. Dies: privacy.footfall_days.
CREATE TABLE footfall (
    footfall_id TEXT PRIMARY KEY,
    window_start TEXT NOT NULL UNIQUE,
    window_seconds INTEGER NOT NULL,
    devices INTEGER,                  -- estimated devices; NULL without a monitor radio
    low INTEGER,                      -- interval of the estimate
    high INTEGER,
    inside INTEGER,                   -- of them at or above inside_dbm
    passers_by INTEGER,               -- and below
    stations INTEGER NOT NULL,        -- on our WiFi at the end of the window
    dwell_histogram TEXT NOT NULL,    -- JSON: upper bound in seconds -> devices
    method TEXT NOT NULL,
    naive_macs INTEGER NOT NULL,      -- what counting addresses would have said
    frames INTEGER NOT NULL,
    inside_dbm INTEGER NOT NULL,
    estimator_version TEXT NOT NULL,
    complete INTEGER NOT NULL
) STRICT;

-- Up to which join or leave the sensor has heard the gate. One row. Writer: sensor.
CREATE TABLE sensor_cursor (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    presences_seq INTEGER NOT NULL
) STRICT;

-- Something the owner should know; open while cleared_at is NULL, one open row a key. Writer: each process.
CREATE TABLE notices (
    notice_id TEXT PRIMARY KEY,
    key TEXT NOT NULL,                -- names the sentence in the catalogues
    severity TEXT NOT NULL,           -- info, warning, trouble
    detail TEXT NOT NULL,             -- for the person who mends it, in English
    raised_at TEXT NOT NULL,
    cleared_at TEXT
) STRICT;
CREATE UNIQUE INDEX notices_open ON notices (key) WHERE cleared_at IS NULL;

-- The owner's way in. One row. Writer: portal.
CREATE TABLE owner_account (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    password_hash TEXT NOT NULL,      -- argon2id
    changed_at TEXT NOT NULL
) STRICT;

-- The queue to head office, in the order things were committed. All append; sync deletes what is acknowledged.
CREATE TABLE outbox (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    event_id TEXT NOT NULL UNIQUE,
    type TEXT NOT NULL,
    at TEXT NOT NULL,
    clock TEXT NOT NULL,              -- synced, unsynced
    boot_id TEXT NOT NULL,
    monotonic_ms INTEGER NOT NULL,    -- CLOCK_BOOTTIME
    body TEXT NOT NULL                -- JSON
) STRICT;

-- Events head office refused, kept for a person to look at. Writer: sync. Dies: 90 days.
CREATE TABLE rejected_events (
    seq INTEGER PRIMARY KEY,
    event_id TEXT NOT NULL,
    type TEXT NOT NULL,
    body TEXT NOT NULL,
    key TEXT NOT NULL,
    message TEXT NOT NULL,
    rejected_at TEXT NOT NULL
) STRICT;

-- How the upload stands. One row, made by the migration; the epoch tells this outbox from an older one
-- with the same numbers. Writer: sync.
CREATE TABLE upload_state (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    epoch TEXT NOT NULL,
    acknowledged_seq INTEGER NOT NULL,
    last_success_at TEXT,
    last_attempt_at TEXT,
    last_error TEXT                   -- one sentence; NULL after a success
) STRICT;

-- A shopper's wish that her session of another store of the brand holds here. Good for 5 minutes of the same
-- boot. Writer: portal. Dies: 1 day.
CREATE TABLE roaming_requests (
    request_id TEXT PRIMARY KEY,
    ip TEXT NOT NULL,
    code_sha256 TEXT NOT NULL,        -- of the code she was shown there
    contact TEXT NOT NULL,            -- she registered with there: E.164, or an e-mail address
    asked_at TEXT NOT NULL,
    boot_id TEXT NOT NULL,
    asked_boottime_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX roaming_requests_by_asked ON roaming_requests (boot_id, asked_boottime_ms);

-- Head office's no to a wish, or that it could not be asked (unreachable). Writer: sync. Dies: 1 day.
CREATE TABLE roaming_refusals (
    request_id TEXT PRIMARY KEY,
    key TEXT NOT NULL,                -- names the sentence in the catalogues
    refused_at TEXT NOT NULL
) STRICT;

-- Head office's word that the station at this address may be admitted, until it takes it back. Good for 5
-- minutes of the same boot, as a request. Writer: sync. Dies: 31 days, when the longest session is over.
CREATE TABLE grants (
    grant_id TEXT PRIMARY KEY,
    request_id TEXT NOT NULL UNIQUE,  -- of a follow: the grant_id itself
    ip TEXT NOT NULL,
    lead_id TEXT,                     -- maybe of another store
    method TEXT NOT NULL,             -- roaming | follow
    session_seconds INTEGER NOT NULL, -- left when it was given
    granted_at TEXT NOT NULL,
    boot_id TEXT NOT NULL,
    granted_boottime_ms INTEGER NOT NULL,
    revoked_at TEXT
) STRICT;
CREATE INDEX grants_by_granted ON grants (boot_id, granted_boottime_ms);

-- Up to which of head office's commands this box has acted. One row, made by the migration. Writer: sync.
CREATE TABLE command_cursor (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    after_seq INTEGER NOT NULL
) STRICT;

-- Commands that this version does not understand, for a person to look at. Writer: sync. Dies: 90 days.
CREATE TABLE commands_set_aside (
    command_id TEXT PRIMARY KEY,
    seq INTEGER NOT NULL,
    kind TEXT NOT NULL,
    issued_at TEXT NOT NULL,
    body TEXT NOT NULL,               -- JSON
    reason TEXT NOT NULL,
    set_aside_at TEXT NOT NULL
) STRICT;

-- A code the owner hands out. It lies here as it is and not as a hash, decided so: she must be able to print
-- a lost sheet again; it guards a few hours of free WiFi and nobody's data; who can read this file sees all
-- contacts anyway; and a hash of 39 bits is guessed back. Writer: portal.
-- Dies: 90 days after expires_at.
CREATE TABLE vouchers (
    code TEXT PRIMARY KEY,            -- nine characters of vouchers.py's alphabet, without the dashes
    batch_id TEXT NOT NULL,
    session_seconds INTEGER NOT NULL,
    uses INTEGER NOT NULL,            -- admissions it is good for
    made_at TEXT NOT NULL,
    expires_at TEXT NOT NULL
) STRICT;
CREATE INDEX vouchers_by_batch ON vouchers (batch_id);
CREATE INDEX vouchers_by_expires_at ON vouchers (expires_at);

-- What a voucher paid for: one row an admission request, so that a second tap is no second use. Given back
-- when the gate never granted the request. Writer: portal. Dies with its voucher.
CREATE TABLE voucher_uses (
    request_id TEXT PRIMARY KEY,
    code TEXT NOT NULL REFERENCES vouchers (code) ON DELETE CASCADE,
    used_at TEXT NOT NULL
) STRICT;
CREATE INDEX voucher_uses_by_code ON voucher_uses (code);

-- What this store offers to follow, as head office said last. Writer: sync. Dies: when head office says so.
CREATE TABLE follow_accounts (
    account TEXT PRIMARY KEY,
    place INTEGER NOT NULL,           -- in the order they are shown
    platform TEXT NOT NULL,           -- wechat, line, telegram, …
    title TEXT NOT NULL,
    proof TEXT NOT NULL,              -- verified | claimed
    poster_url TEXT,                  -- what the store's own QR says
    poster_code TEXT,                 -- six digits for this store, where there is no QR
    link TEXT                         -- where the account is
) STRICT;

-- The pool of codes, filled by head office ahead of time. Writer: sync. Dies: 1 day after expires_at.
CREATE TABLE follow_codes (
    account TEXT NOT NULL,
    ref TEXT NOT NULL,                -- in the QR; 16 characters of base64url
    code TEXT NOT NULL,               -- six digits, what she can send instead
    url TEXT,                         -- what the QR says; NULL: there is only the code
    expires_at TEXT NOT NULL,
    PRIMARY KEY (account, ref)
) STRICT;
CREATE INDEX follow_codes_by_expires_at ON follow_codes (account, expires_at);

-- Which station has which code in hand. Good for 30 minutes of the same boot, and never given to another.
-- Writer: portal. Dies: with its code; the address 1 day after.
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

-- Who says that she follows where nothing proves it; so that she is counted once a day. Writer: portal.
-- Dies: 1 day.
CREATE TABLE follow_claims (
    follow_id TEXT PRIMARY KEY,
    account TEXT NOT NULL,
    ip TEXT NOT NULL,
    claimed_at TEXT NOT NULL
) STRICT;
CREATE INDEX follow_claims_by_ip ON follow_claims (ip, account);

-- What head office signs the links for this store with, once it has said so. It lies here as it is, decided
-- so: it comes by command like the rest, it opens a few hours of free WiFi in this store alone, and who can
-- read this file sees all contacts anyway. One row. Writer: sync. Dies: when there is a new one.
CREATE TABLE grant_key (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    key TEXT NOT NULL,                -- 32 bytes in hexadecimal
    venue_number INTEGER NOT NULL,
    received_at TEXT NOT NULL
) STRICT;

-- What stands behind the grants of follows that came by the command log. Writer: sync. Dies: 31 days.
CREATE TABLE follow_grants (
    grant_id TEXT PRIMARY KEY,
    account TEXT NOT NULL,
    platform TEXT NOT NULL,
    granted_at TEXT NOT NULL
) STRICT;

-- Grants taken back that never came here by the log: maybe by their link. Writer: sync. Dies: 31 days.
CREATE TABLE revoked_links (
    grant_id TEXT PRIMARY KEY,
    revoked_at TEXT NOT NULL
) STRICT;

-- Links that were opened here: each opens once. Writer: portal. Dies: 1 day after expires_at.
CREATE TABLE used_links (
    grant_id TEXT PRIMARY KEY,
    platform TEXT NOT NULL,
    account TEXT,                     -- NULL: we have none, or several, on that platform
    ip TEXT NOT NULL,
    used_at TEXT NOT NULL,
    expires_at TEXT NOT NULL          -- as head office signed it
) STRICT;
CREATE INDEX used_links_by_expires_at ON used_links (expires_at);

-- Links that ended before this are over whatever the clock says: which of them were used is forgotten. One
-- row, from the first time the clock was right. Writer: portal.
CREATE TABLE forgotten_links (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    expired_before TEXT NOT NULL
) STRICT;

-- Who works here and has a QR of her own, as head office said last. Writer: sync. Dies: when it says so.
CREATE TABLE follow_staff (
    staff_ref TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    poster_url TEXT                   -- what her QR says
) STRICT;

-- The week's board for the owner, as head office said last. Writer: sync. Dies: 90 days.
CREATE TABLE follow_board (
    week TEXT NOT NULL,               -- ISO, 2026-W47
    place INTEGER NOT NULL,
    name TEXT NOT NULL,
    follows INTEGER NOT NULL,
    registrations INTEGER NOT NULL,
    told_at TEXT NOT NULL,
    PRIMARY KEY (week, place)
) STRICT;
