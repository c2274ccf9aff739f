-- What pausing, cancelling, cloning, logs and idempotent submissions need. The table of workflows is made
-- anew, because `request` has to stay its last column: listing must not read it.
CREATE TABLE workflow_anew (
    key           INTEGER PRIMARY KEY,
    id            TEXT NOT NULL UNIQUE,
    name          TEXT NOT NULL,
    desc          TEXT NOT NULL,
    operator      TEXT NOT NULL,
    created_us    INTEGER NOT NULL,
    -- The rejection that it mends.
    mends         TEXT NOT NULL DEFAULT '',
    -- How it came from another workflow, and from which.
    lineage_kind  INTEGER NOT NULL DEFAULT 0,
    lineage_id    TEXT NOT NULL DEFAULT '',
    -- The client's own key for its submission.
    submit_key    TEXT,
    blocks        INTEGER NOT NULL,
    status        INTEGER NOT NULL,
    started_us    INTEGER NOT NULL DEFAULT 0,
    ended_us      INTEGER NOT NULL DEFAULT 0,
    since_us      INTEGER NOT NULL DEFAULT 0,
    reason        TEXT NOT NULL DEFAULT '',
    seq           INTEGER NOT NULL DEFAULT 0,
    current_block INTEGER,
    -- JSON: jobs by status number.
    counts        TEXT NOT NULL,
    -- JSON: the WorkReq. Last, so that listing need not read it.
    request       TEXT NOT NULL
) STRICT;

INSERT INTO workflow_anew (key, id, name, desc, operator, created_us, mends, blocks, status, started_us,
                           ended_us, since_us, reason, seq, current_block, counts, request)
SELECT key, id, name, desc, operator, created_us, mends, blocks, status, started_us, ended_us,
       coalesce((SELECT time_us FROM change WHERE workflow = key AND block = -1 ORDER BY seq DESC LIMIT 1),
                created_us),
       reason, seq, current_block, counts, request
FROM workflow;

DROP TABLE workflow;
ALTER TABLE workflow_anew RENAME TO workflow;

CREATE INDEX workflow_by_status ON workflow (status, key);
CREATE INDEX workflow_by_name ON workflow (name, key);
CREATE INDEX workflow_by_mends ON workflow (mends) WHERE mends != '';
CREATE UNIQUE INDEX workflow_by_submit_key ON workflow (submit_key) WHERE submit_key IS NOT NULL;

-- What jobs logged: the newest lines of each, numbered from 1 over all its attempts.
CREATE TABLE job_log (
    workflow INTEGER NOT NULL REFERENCES workflow (key),
    block    INTEGER NOT NULL,
    job      INTEGER NOT NULL,
    n        INTEGER NOT NULL,
    time_us  INTEGER NOT NULL,
    text     TEXT NOT NULL,
    PRIMARY KEY (workflow, block, job, n)
) STRICT, WITHOUT ROWID;

-- How far a job was that ended without completing.
CREATE TABLE job_progress (
    workflow INTEGER NOT NULL REFERENCES workflow (key),
    block    INTEGER NOT NULL,
    job      INTEGER NOT NULL,
    fraction REAL NOT NULL,
    message  TEXT NOT NULL,
    PRIMARY KEY (workflow, block, job)
) STRICT, WITHOUT ROWID;

-- The disks that were erased (simulated): what diskErase is verified against after a crash.
CREATE TABLE erasure (
    workflow  TEXT NOT NULL,
    block     INTEGER NOT NULL,
    job       INTEGER NOT NULL,
    site      TEXT NOT NULL,
    machine   TEXT NOT NULL,
    erased_us INTEGER NOT NULL,
    PRIMARY KEY (workflow, block, job)
) STRICT, WITHOUT ROWID;
