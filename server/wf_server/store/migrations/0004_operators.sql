-- Who may call, and what they may do; asked only where server.toml requires it.
CREATE TABLE operator (
    name       TEXT PRIMARY KEY,
    -- JSON: a list of `role` or `role:workflow type`.
    grants     TEXT NOT NULL,
    created_us INTEGER NOT NULL,
    -- Who added it.
    created_by TEXT NOT NULL,
    -- 0: it is in force.
    revoked_us INTEGER NOT NULL DEFAULT 0,
    revoked_by TEXT NOT NULL DEFAULT ''
) STRICT, WITHOUT ROWID;

-- A bearer token: `wf_ID_SECRET`, of which only the secret's SHA-256 is kept.
CREATE TABLE operator_token (
    id         TEXT PRIMARY KEY,
    operator   TEXT NOT NULL REFERENCES operator (name),
    digest     BLOB NOT NULL,
    created_us INTEGER NOT NULL,
    created_by TEXT NOT NULL,
    expires_us INTEGER NOT NULL,
    revoked_us INTEGER NOT NULL DEFAULT 0,
    revoked_by TEXT NOT NULL DEFAULT ''
) STRICT, WITHOUT ROWID;

-- Grows with every change of the two, so that a running server sees that there is one.
CREATE TABLE operator_generation (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    n    INTEGER NOT NULL
) STRICT;

INSERT INTO operator_generation (only, n) VALUES (1, 0);
