-- +goose Up
PRAGMA application_id = 1128811858; -- "CHMR"
PRAGMA user_version = 1; -- the number of this migration

-- A run: the manifest and the plan without its trials, as JSON lines.
CREATE TABLE runs (
    num      INTEGER PRIMARY KEY AUTOINCREMENT, -- in order of creation
    id       TEXT NOT NULL UNIQUE,
    name     TEXT NOT NULL,
    status   TEXT NOT NULL CHECK (status IN ('open', 'complete', 'partial', 'invalid')),
    manifest TEXT NOT NULL,
    plan     TEXT NOT NULL
) STRICT;

CREATE TABLE seals (
    run    INTEGER NOT NULL REFERENCES runs (num) ON DELETE CASCADE,
    number INTEGER NOT NULL, -- from 0
    status TEXT NOT NULL,
    at     TEXT NOT NULL, -- RFC 3339 with nanoseconds, UTC
    digest TEXT NOT NULL,
    parts  TEXT NOT NULL, -- JSON
    PRIMARY KEY (run, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE trials (
    run  INTEGER NOT NULL REFERENCES runs (num) ON DELETE CASCADE,
    ord  INTEGER NOT NULL,
    id   TEXT NOT NULL,
    line TEXT NOT NULL,
    PRIMARY KEY (run, ord),
    UNIQUE (run, id)
) STRICT, WITHOUT ROWID;

-- A sample is its line; the columns beside it are copies for finding it.
CREATE TABLE samples (
    num        INTEGER PRIMARY KEY, -- in order of arrival
    run        INTEGER NOT NULL,
    ord        INTEGER NOT NULL,
    session    INTEGER NOT NULL,
    attempt    INTEGER NOT NULL,
    experiment TEXT NOT NULL,
    block      INTEGER NOT NULL,
    outcome    TEXT NOT NULL,
    final      INTEGER NOT NULL,
    sha256     TEXT NOT NULL, -- of the line
    line       TEXT NOT NULL,
    UNIQUE (run, ord, session, attempt),
    FOREIGN KEY (run, ord) REFERENCES trials (run, ord) ON DELETE CASCADE
) STRICT;

CREATE INDEX samples_outcomes ON samples (run, experiment, block, session, outcome) WHERE final = 1;

CREATE TABLE readings (
    num  INTEGER PRIMARY KEY, -- in order of arrival
    run  INTEGER NOT NULL REFERENCES runs (num) ON DELETE CASCADE,
    line TEXT NOT NULL
) STRICT;

CREATE INDEX readings_run ON readings (run, num);
