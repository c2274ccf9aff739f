-- When a stop ends by itself (0: never), how often it is brought to mind (0: as configured), and who
-- turned the first key of a release that took two.
ALTER TABLE stop_change ADD COLUMN expires_us INTEGER NOT NULL DEFAULT 0;
ALTER TABLE stop_change ADD COLUMN remind_us INTEGER NOT NULL DEFAULT 0;
ALTER TABLE stop_change ADD COLUMN first_operator TEXT NOT NULL DEFAULT '';

-- The first key of a stop's release, while it waits for the second.
CREATE TABLE release_key (
    name       TEXT PRIMARY KEY,
    operator   TEXT NOT NULL,
    reason     TEXT NOT NULL,
    time_us    INTEGER NOT NULL,
    expires_us INTEGER NOT NULL,
    -- 1: it is an edit of es.json.
    by_hand    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
