-- What operators approved: exactly which WorkReq and policies, by their hashes.
CREATE TABLE approval (
    key              INTEGER PRIMARY KEY,
    workflow         INTEGER NOT NULL REFERENCES workflow (key),
    operator         TEXT NOT NULL,
    time_us          INTEGER NOT NULL,
    request_digest   TEXT NOT NULL,
    policies_digest  TEXT NOT NULL,
    comment          TEXT NOT NULL,
    -- How they proved who they are, and the address that they called from.
    way              TEXT NOT NULL,
    origin           TEXT NOT NULL,
    -- 0: it was not taken back.
    withdrawn_us     INTEGER NOT NULL DEFAULT 0,
    withdrawn_reason TEXT NOT NULL DEFAULT ''
) STRICT;

CREATE INDEX approval_by_workflow ON approval (workflow, key);

-- Whether who submitted it had proved their name: 0 or 1.
ALTER TABLE workflow ADD COLUMN proven INTEGER NOT NULL DEFAULT 0;
