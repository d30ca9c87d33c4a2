-- +goose Up
PRAGMA user_version = 2; -- the number of this migration

-- Samples of a sealed run by column (sample.Columns), without their bulk: a
-- copy for reading, which holds for one seal and can be made again.
CREATE TABLE columns (
    run    INTEGER NOT NULL REFERENCES runs (num) ON DELETE CASCADE,
    first  INTEGER NOT NULL, -- the number of its first row, in the order of ord, session, attempt
    sealed TEXT NOT NULL,    -- the digest of the seal that it holds for
    bytes  BLOB NOT NULL,
    PRIMARY KEY (run, first)
) STRICT;

-- How the trials ended, counted at the seal: JSON, absent in older seals.
ALTER TABLE seals ADD COLUMN outcomes TEXT;
