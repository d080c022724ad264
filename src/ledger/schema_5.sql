-- What leads from format 4 of the ledger to format 5.

-- How often something was recorded. The lock file holds the same number: where this one is lower, the
-- end of what was recorded is gone (a deleted -wal, an older copy of the file).
CREATE TABLE commits (count INTEGER NOT NULL);
INSERT INTO commits VALUES (0);

-- Keys that were written, or were about to be, while the chunk's digest does not say what the target holds:
-- what the target has of them and the source lacks was copied, and deleted there since.
CREATE TABLE written_keys (
    chunk_id INTEGER NOT NULL REFERENCES chunks (id),
    key_kind TEXT NOT NULL,
    key TEXT NOT NULL,
    PRIMARY KEY (chunk_id, key_kind, key)
) WITHOUT ROWID;

-- What the target held of a chunk beside these keys: where it still does, nobody else wrote into it.
ALTER TABLE chunks ADD COLUMN rest_rows INTEGER;
ALTER TABLE chunks ADD COLUMN rest_digest TEXT;

-- What the target may hold of a chunk's keys where the digest does not say it, as rows of it were written
-- more than once: 'ours' by this move alone, so that what the source lacks was deleted there; 'others'
-- may have written some too. NULL: the digest says what the target holds, unless somebody wrote since.
ALTER TABLE chunks ADD COLUMN unsure TEXT CHECK (unsure IN ('ours', 'others'));
