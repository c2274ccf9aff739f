-- The policies that were ever in force, whole: what a workflow was checked against can be shown for ever.
CREATE TABLE policy_version (
    key     INTEGER PRIMARY KEY,
    time_us INTEGER NOT NULL,
    -- The SHA-256 of the text, in hexadecimal.
    digest  TEXT NOT NULL,
    -- JSON: by workflow type a list of [policy, level, settings].
    text    TEXT NOT NULL
) STRICT;
