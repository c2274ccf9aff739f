-- A stored WorkReq and where it stands. The columns from `status` on are as of the workflow's newest
-- change of its own; while it runs, its jobs' counts come from the changes.
CREATE TABLE workflow (
    key           INTEGER PRIMARY KEY,
    id            TEXT NOT NULL UNIQUE,
    name          TEXT NOT NULL,
    desc          TEXT NOT NULL,
    operator      TEXT NOT NULL,
    created_us    INTEGER NOT NULL,
    -- The rejection that it mends.
    mends         TEXT NOT NULL DEFAULT '',
    blocks        INTEGER NOT NULL,
    status        INTEGER NOT NULL,
    started_us    INTEGER NOT NULL DEFAULT 0,
    ended_us      INTEGER NOT NULL DEFAULT 0,
    reason        TEXT NOT NULL DEFAULT '',
    seq           INTEGER NOT NULL DEFAULT 0,
    current_block INTEGER,
    -- JSON: jobs by status number.
    counts        TEXT NOT NULL,
    -- JSON: the WorkReq. Last, so that listing need not read it.
    request       TEXT NOT NULL
) STRICT;

CREATE INDEX workflow_by_status ON workflow (status, key);
CREATE INDEX workflow_by_name ON workflow (name, key);

-- Every committed step, in order; what a workflow is follows from these alone.
CREATE TABLE change (
    workflow INTEGER NOT NULL REFERENCES workflow (key),
    seq      INTEGER NOT NULL,
    -- -1: the workflow itself.
    block    INTEGER NOT NULL,
    -- -1: the block itself.
    job      INTEGER NOT NULL,
    status   INTEGER NOT NULL,
    time_us  INTEGER NOT NULL,
    error    TEXT,
    operator TEXT,
    reason   TEXT,
    PRIMARY KEY (workflow, seq)
) STRICT, WITHOUT ROWID;

-- A refused WorkReq, kept whole with its violations.
CREATE TABLE rejection (
    key        INTEGER PRIMARY KEY,
    id         TEXT NOT NULL UNIQUE,
    name       TEXT NOT NULL,
    desc       TEXT NOT NULL,
    operator   TEXT NOT NULL,
    time_us    INTEGER NOT NULL,
    blocks     INTEGER NOT NULL,
    jobs       INTEGER NOT NULL,
    -- How many violations, and the first in a sentence.
    violated   INTEGER NOT NULL,
    first      TEXT NOT NULL,
    -- JSON: all violations; the WorkReq.
    violations TEXT NOT NULL,
    request    TEXT NOT NULL
) STRICT;

CREATE INDEX workflow_by_mends ON workflow (mends) WHERE mends != '';

CREATE TABLE bucket (
    name     TEXT PRIMARY KEY,
    tokens   INTEGER NOT NULL,
    since_us INTEGER NOT NULL
) STRICT;

-- A token and the job it was given to: once, whatever happens after.
CREATE TABLE token (
    workflow TEXT NOT NULL,
    block    INTEGER NOT NULL,
    job      INTEGER NOT NULL,
    bucket   TEXT NOT NULL,
    taken_us INTEGER NOT NULL,
    PRIMARY KEY (workflow, block, job)
) STRICT, WITHOUT ROWID;

-- Who set an emergency stop, and why. What is in force is what es.json says.
CREATE TABLE stop_change (
    key      INTEGER PRIMARY KEY,
    name     TEXT NOT NULL,
    status   TEXT NOT NULL,
    operator TEXT NOT NULL,
    reason   TEXT NOT NULL,
    time_us  INTEGER NOT NULL
) STRICT;

CREATE INDEX stop_change_by_name ON stop_change (name, key);
