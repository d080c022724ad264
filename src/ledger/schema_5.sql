-- What leads from format 4 of the ledger to format 5.

-- How often something was recorded. The lock file holds the same number: where this one is lower, the
-- end of what was recorded is gone (a deleted -wal, an older copy of the file).
CREATE TABLE commits (count INTEGER NOT NULL);
INSERT INTO commits VALUES (0);

-- Keys that were written, or were about to be, while the chunk's digest does not say what the target holds:
-- what the target has of them and the source lacks was copied, and deleted there since. Of those that are
-- not ours, it may also be a row that the target had before.
CREATE TABLE written_keys (
    chunk_id INTEGER NOT NULL REFERENCES chunks (id),
    key_kind TEXT NOT NULL,
    key TEXT NOT NULL,
    ours INTEGER NOT NULL CHECK (ours IN (0, 1)),
    PRIMARY KEY (chunk_id, key_kind, key)
) WITHOUT ROWID;

-- Keys of rows that an adopted target had before this move wrote into the chunk that they are in, and that it
-- has not written since: of these rows it is known that they are not its own.
CREATE TABLE keys_before (
    scope_id INTEGER NOT NULL REFERENCES scopes (id),
    key_kind TEXT NOT NULL,
    key TEXT NOT NULL,
    PRIMARY KEY (scope_id, key_kind, key)
) WITHOUT ROWID;

-- What the target held of a chunk beside the keys of both tables: where it still does, nobody else wrote into it.
ALTER TABLE chunks ADD COLUMN rest_rows INTEGER;
ALTER TABLE chunks ADD COLUMN rest_digest TEXT;

-- What the target may hold of a chunk's keys where the digest does not say it, as rows of it were written
-- more than once: 'ours' by this move alone, so that what the source lacks was deleted there; 'others'
-- may have written some too. NULL: the digest says what the target holds, unless somebody wrote since.
ALTER TABLE chunks ADD COLUMN unsure TEXT CHECK (unsure IN ('ours', 'others'));
