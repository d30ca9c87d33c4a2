-- +goose Up
PRAGMA user_version = 3; -- the number of this migration

-- Whether the run was loaded whole: its lines are in pages.
ALTER TABLE runs ADD COLUMN loaded INTEGER NOT NULL DEFAULT 0;

-- Lines of a run that was loaded whole: many in one row, each with a line break
-- behind it, compressed with zstd. Such a run has none in trials, samples and
-- readings.
CREATE TABLE pages (
    run   INTEGER NOT NULL REFERENCES runs (num) ON DELETE CASCADE,
    kind  TEXT NOT NULL CHECK (kind IN ('trials', 'samples', 'readings')),
    first INTEGER NOT NULL, -- the number of its first line among those of its kind
    lines INTEGER NOT NULL, -- how many it has
    bytes BLOB NOT NULL,
    PRIMARY KEY (run, kind, first)
) STRICT;
