-- name: select_head
SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1;

-- name: insert_entry
INSERT INTO audit (seq, time_us, who, source, what, workflow_type, target, why, outcome, told, digest, times,
                   workflow, record, hash)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- name: select_entries
SELECT seq, time_us, who, source, what, workflow_type, target, why, outcome, told, digest, times, workflow, record,
       hash
FROM audit WHERE seq > ? ORDER BY seq;

-- name: select_entries_of_workflow
SELECT seq, what, target, digest FROM audit WHERE workflow = ? AND workflow > 0 ORDER BY seq;

-- name: select_beginning
SELECT coalesce((SELECT max(key) FROM workflow), 0), coalesce((SELECT max(key) FROM rejection), 0),
       coalesce((SELECT max(key) FROM stop_change), 0);

-- name: select_last_key
SELECT max(coalesce((SELECT max(key) FROM workflow), 0),
           coalesce((SELECT max(workflow) FROM audit WHERE workflow > 0), 0));

-- name: select_row_text
SELECT json_array(key, id, name, desc, operator, created_us, mends, lineage_kind, lineage_id, submit_key,
                  acknowledged, proven, blocks), request
FROM workflow WHERE key = ?;

-- name: select_rejection_text
SELECT json_array(key, id, name, desc, operator, time_us, blocks, jobs, violated, first, violations), request
FROM rejection WHERE key = ?;

-- name: select_stop_text
SELECT json_array(key, name, status, operator, reason, time_us, expires_us, remind_us, first_operator), ''
FROM stop_change WHERE key = ?;

-- name: select_stretch
SELECT json_group_array(json_array(seq, block, job, status, time_us, error, operator, reason))
FROM (SELECT * FROM change WHERE workflow = ? AND seq BETWEEN ? AND ? ORDER BY seq);

-- name: select_seals
SELECT seq, first, hash FROM seal WHERE workflow = ? ORDER BY seq;

-- name: select_newest_seal
SELECT seq, hash FROM seal WHERE workflow = ? ORDER BY seq DESC LIMIT 1;

-- name: insert_seal
INSERT INTO seal (workflow, seq, first, hash) VALUES (?, ?, ?, ?);
