-- What leads from format 1 of the ledger to format 2.

-- Rows that the target refuses and that were set aside: they are at the source and not at the
-- target. Each is alone in its chunk, which is done with 0 rows. Opening the chunk again deletes
-- what is here: the row is tried anew.
CREATE TABLE rejects (
    chunk_id INTEGER PRIMARY KEY REFERENCES chunks (id),
    move_id  INTEGER NOT NULL REFERENCES moves (id),
    key_kind TEXT NOT NULL CHECK (key_kind IN ('int64', 'varchar')),
    key      TEXT NOT NULL,                 -- as in chunks
    reason   TEXT NOT NULL,                 -- what the target said
    at       TEXT NOT NULL
);
CREATE INDEX rejects_of_move ON rejects (move_id);
