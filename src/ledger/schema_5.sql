-- What leads from format 4 of the ledger to format 5.

-- How often something was recorded. The lock file holds the same number: where this one is lower, the
-- end of what was recorded is gone (a deleted -wal, an older copy of the file).
CREATE TABLE commits (count INTEGER NOT NULL);
INSERT INTO commits VALUES (0);
