-- What leads from format 2 of the ledger to format 3.

-- Of the rows of a chunk as the target acknowledged them: the sum, modulo 2^128, of a 128-bit hash of
-- each row, as 32 hexadecimal digits. It depends on values and names of fields at the target, not on
-- the order of rows. NULL: not done, or done by an older version.
ALTER TABLE chunks ADD COLUMN digest TEXT;
