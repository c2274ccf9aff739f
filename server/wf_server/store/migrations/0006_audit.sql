-- Who did what, from where, why, and what became of it: a chain, which only grows. The hash is of the hash
-- before and the entry's text: see model/audit.py.
CREATE TABLE audit (
    seq           INTEGER PRIMARY KEY,
    time_us       INTEGER NOT NULL,
    who           TEXT NOT NULL,
    source        TEXT NOT NULL,
    what          TEXT NOT NULL,
    workflow_type TEXT NOT NULL,
    target        TEXT NOT NULL,
    why           TEXT NOT NULL,
    outcome       TEXT NOT NULL,
    told          TEXT NOT NULL,
    digest        TEXT NOT NULL,
    times         INTEGER NOT NULL,
    -- The key of the workflow that it is about, which may be gone by now; 0: none.
    workflow      INTEGER NOT NULL,
    -- The key of the rejection or the stop_change that it is about; 0: none.
    record        INTEGER NOT NULL,
    hash          BLOB NOT NULL
) STRICT;

CREATE INDEX audit_by_workflow ON audit (workflow) WHERE workflow > 0;

-- The hash of a workflow's history as of a change: of the one before, and of the changes from `first` on.
-- The first one follows the hash of the workflow's row.
CREATE TABLE seal (
    workflow INTEGER NOT NULL REFERENCES workflow (key),
    seq      INTEGER NOT NULL,
    first    INTEGER NOT NULL,
    hash     BLOB NOT NULL,
    PRIMARY KEY (workflow, seq)
) STRICT, WITHOUT ROWID;
