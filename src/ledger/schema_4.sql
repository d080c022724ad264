-- What leads from format 3 of the ledger to format 4.

-- A verification of every row of one collection that was begun. One that is interrupted is taken up
-- again for a day; one that was finished never is.
CREATE TABLE verifications (
    id          INTEGER PRIMARY KEY,
    subject     TEXT NOT NULL,     -- JSON: both collections with the servers' ids, how they are compared
    range_rows  INTEGER,           -- rows of a range; NULL: ranges are the chunks that were copied
    started_at  TEXT NOT NULL,
    finished_at TEXT
);
CREATE INDEX verifications_by_subject ON verifications (subject);

-- Ranges that it found equal at both ends; deleted when it is finished or too old to be taken up.
CREATE TABLE verified_ranges (
    verification_id INTEGER NOT NULL REFERENCES verifications (id),
    partition       TEXT CHECK (partition <> ''),
    key_kind        TEXT CHECK (key_kind IN ('int64', 'varchar')),   -- as in chunks
    after_key       TEXT,
    up_to_key       TEXT,
    rows            INTEGER NOT NULL
);
CREATE INDEX verified_ranges_of ON verified_ranges (verification_id);
