-- Tokens of quotas, each written with the change that says its job runs. It outlives its workflow: a deleted
-- history gives nothing back. In the order of time, for what is outdated goes.
CREATE TABLE quota_token (
    taken_us INTEGER NOT NULL,
    workflow TEXT NOT NULL,
    block    INTEGER NOT NULL,
    job      INTEGER NOT NULL,
    -- What is counted: `label:job types`.
    meter    TEXT NOT NULL,
    value    TEXT NOT NULL,
    PRIMARY KEY (taken_us, workflow, block, job, meter)
) STRICT, WITHOUT ROWID;
