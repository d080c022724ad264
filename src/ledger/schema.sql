-- The ledger of milvus-ferry, format 1 (PRAGMA user_version). One file per plan.
--
-- It saves work and is never the truth: the live target is. It holds no secret.
-- Times are UTC, ISO 8601. Rows are never deleted. Later formats are reached by the migrations
-- listed in format.rs; this file stays as it is.
--
-- Where does a move stand?
--   SELECT state, count(*), sum(rows), sum(bytes) FROM chunks WHERE move_id = 1 GROUP BY state;

-- One row for each time a command did something under this plan.
CREATE TABLE runs (
    id           INTEGER PRIMARY KEY,
    tool_version TEXT NOT NULL,
    command      TEXT NOT NULL,             -- 'apply', 'verify', …
    environment  TEXT,                      -- the --env it ran with
    process_id   INTEGER NOT NULL,
    started_at   TEXT NOT NULL,
    ended_at     TEXT,                      -- NULL: still running, or killed
    outcome      TEXT
);

-- One source collection onto one target collection.
CREATE TABLE moves (
    id                   INTEGER PRIMARY KEY,
    run_id               INTEGER NOT NULL REFERENCES runs (id),   -- the run that began it
    source_endpoint      TEXT NOT NULL,     -- a URI without user information
    source_database      TEXT NOT NULL,
    source_collection    TEXT NOT NULL,
    target_endpoint      TEXT NOT NULL,
    target_database      TEXT NOT NULL,
    target_collection    TEXT NOT NULL,
    state                TEXT NOT NULL CHECK (state IN ('open', 'done', 'superseded')),
    superseded_because   TEXT,
    adopted              INTEGER NOT NULL CHECK (adopted IN (0, 1)),  -- the target was there before
    source_collection_id INTEGER NOT NULL,  -- the server's id: a new one is another collection
    target_collection_id INTEGER,           -- NULL until the target described it
    wanted               TEXT NOT NULL,     -- JSON: the target collection as intended
    created              TEXT,              -- JSON: as the target described it after creation
    settings             TEXT NOT NULL,     -- JSON: how rows are read and written
    counts               TEXT,              -- JSON: what was counted at the end
    started_at           TEXT NOT NULL,
    finished_at          TEXT
);
CREATE INDEX moves_by_target ON moves (target_endpoint, target_database, target_collection);

-- What a move did beside its rows: create_collection, create_partition:NAME, load, …
CREATE TABLE steps (
    move_id    INTEGER NOT NULL REFERENCES moves (id),
    step       TEXT NOT NULL,
    state      TEXT NOT NULL CHECK (state IN ('started', 'done')),
    detail     TEXT NOT NULL,
    started_at TEXT NOT NULL,
    done_at    TEXT,
    PRIMARY KEY (move_id, step)
) WITHOUT ROWID;

-- What is read as one key space: a partition of the source, or (partition NULL) the collection.
-- Its chunks that are not 'split' are disjoint and cover every key up to discovered_up_to, or,
-- when complete, every key.
CREATE TABLE scopes (
    id               INTEGER PRIMARY KEY,
    move_id          INTEGER NOT NULL REFERENCES moves (id),
    partition        TEXT CHECK (partition <> ''),
    complete         INTEGER NOT NULL CHECK (complete IN (0, 1)),   -- discovery is finished
    key_kind         TEXT CHECK (key_kind IN ('int64', 'varchar')),
    discovered_up_to TEXT                   -- the key where discovery continues; NULL: from the start
);
CREATE UNIQUE INDEX scopes_of_move ON scopes (move_id, coalesce(partition, ''));

-- The keys k with after_key < k <= up_to_key; a NULL bound is open.
-- Keys are text whatever their kind, an int64 in decimal: compare after a CAST. A varchar key may
-- hold NUL and control characters, which some tools cut or hide: hex(up_to_key) shows all of it.
CREATE TABLE chunks (
    id        INTEGER PRIMARY KEY,
    move_id   INTEGER NOT NULL REFERENCES moves (id),
    scope_id  INTEGER NOT NULL REFERENCES scopes (id),
    parent_id INTEGER REFERENCES chunks (id),   -- the chunk that was split into this one
    key_kind  TEXT CHECK (key_kind IN ('int64', 'varchar')),  -- NULL: both bounds are open
    after_key TEXT,
    up_to_key TEXT,
    state     TEXT NOT NULL CHECK (state IN ('open', 'done', 'split')),
    tried     INTEGER NOT NULL CHECK (tried IN (0, 1)),   -- a write may have reached the target
    rows      INTEGER,                      -- acknowledged by the target, once done
    bytes     INTEGER,
    done_at   TEXT
);
CREATE INDEX chunks_by_state ON chunks (move_id, state);

-- What people should be able to read afterwards.
CREATE TABLE events (
    id      INTEGER PRIMARY KEY,
    run_id  INTEGER NOT NULL REFERENCES runs (id),
    move_id INTEGER REFERENCES moves (id),
    at      TEXT NOT NULL,
    kind    TEXT NOT NULL,
    text    TEXT NOT NULL
);
CREATE INDEX events_by_run ON events (run_id);
