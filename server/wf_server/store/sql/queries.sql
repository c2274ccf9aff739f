-- name: insert_workflow
INSERT INTO workflow (key, id, name, desc, operator, created_us, mends, lineage_kind, lineage_id, submit_key,
                      acknowledged, proven, blocks, status, since_us, counts, request)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- name: update_workflow
UPDATE workflow
SET status = ?, started_us = ?, ended_us = ?, since_us = ?, reason = ?, seq = ?, current_block = ?, counts = ?
WHERE key = ?;

-- name: insert_change
INSERT INTO change (workflow, seq, block, job, status, time_us, error, operator, reason)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?);

-- name: select_workflow
SELECT key, id, operator, created_us, mends, lineage_kind, lineage_id, submit_key, acknowledged, proven, request
FROM workflow WHERE id = ?;

-- name: select_workflows_by_status
SELECT key, id, operator, created_us, mends, lineage_kind, lineage_id, submit_key, acknowledged, proven, request
FROM workflow
WHERE status IN (SELECT value FROM json_each(?)) ORDER BY key;

-- name: select_workflows_with_approvals
SELECT key, id, operator, created_us, mends, lineage_kind, lineage_id, submit_key, acknowledged, proven, request
FROM workflow
WHERE status = ? AND key IN (SELECT workflow FROM approval) ORDER BY key;

-- name: insert_approval
INSERT INTO approval (workflow, operator, time_us, request_digest, policies_digest, comment, way, origin)
VALUES (?, ?, ?, ?, ?, ?, ?, ?);

-- name: withdraw_approval
UPDATE approval SET withdrawn_us = ?, withdrawn_reason = ? WHERE key = ?;

-- name: select_approvals
SELECT operator, time_us, request_digest, policies_digest, comment, way, origin, withdrawn_us, withdrawn_reason,
       key
FROM approval WHERE workflow = ? ORDER BY key;

-- name: select_by_submit_key
SELECT id, request FROM workflow WHERE submit_key = ?;

-- name: select_changes
SELECT seq, block, job, status, time_us, error, operator, reason FROM change
WHERE workflow = ? ORDER BY seq;

-- name: select_history
SELECT seq, block, job, status, time_us, error, operator, reason FROM change
WHERE workflow = ? AND seq > ? ORDER BY seq LIMIT ?;

-- name: select_job_changes
SELECT seq, block, job, status, time_us, error, operator, reason FROM change
WHERE workflow = ? AND block = ? AND job = ? ORDER BY seq;

-- name: insert_log_line
INSERT OR REPLACE INTO job_log (workflow, block, job, n, time_us, text) VALUES (?, ?, ?, ?, ?, ?);

-- name: delete_log_lines
DELETE FROM job_log WHERE workflow = ? AND block = ? AND job = ? AND n < ?;

-- name: select_log
SELECT n, time_us, text FROM job_log WHERE workflow = ? AND block = ? AND job = ? ORDER BY n;

-- name: select_log_page
SELECT job, text FROM (
    SELECT job, n, text, row_number() OVER (PARTITION BY job ORDER BY n DESC) AS age
    FROM job_log WHERE workflow = ? AND block = ? AND job >= ? AND job < ?
) WHERE age <= ? ORDER BY job, n;

-- name: select_log_sizes
SELECT block, job, n, length(CAST(text AS BLOB)) FROM job_log WHERE workflow = ? ORDER BY block, job, n;

-- name: upsert_progress
INSERT INTO job_progress (workflow, block, job, fraction, message) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (workflow, block, job) DO UPDATE SET fraction = excluded.fraction, message = excluded.message;

-- name: select_progress_page
SELECT job, fraction, message FROM job_progress WHERE workflow = ? AND block = ? AND job >= ? AND job < ?;

-- name: insert_erasure
INSERT OR REPLACE INTO erasure (workflow, block, job, site, machine, erased_us) VALUES (?, ?, ?, ?, ?, ?);

-- name: select_erasure
SELECT 1 FROM erasure WHERE workflow = ? AND block = ? AND job = ? AND site = ? AND machine = ?;

-- name: list_workflows
SELECT key, id, name, desc, operator, status, created_us, started_us, ended_us, reason, seq, blocks,
       current_block, counts, mends, since_us, lineage_kind, lineage_id
FROM workflow
WHERE key < :before
  AND (:statuses IS NULL OR status IN (SELECT value FROM json_each(:statuses)))
  AND (:name IS NULL OR name = :name)
  AND (:names IS NULL OR name IN (SELECT value FROM json_each(:names)))
  AND (:text IS NULL OR id LIKE :text ESCAPE '\' OR name LIKE :text ESCAPE '\'
       OR desc LIKE :text ESCAPE '\' OR operator LIKE :text ESCAPE '\')
ORDER BY key DESC LIMIT :limit;

-- name: insert_rejection
INSERT INTO rejection
    (id, name, desc, operator, time_us, blocks, jobs, violated, first, violations, request)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- name: list_rejections
SELECT key, id, name, desc, operator, time_us, blocks, jobs, violated, first,
       coalesce((SELECT id FROM workflow WHERE mends = rejection.id ORDER BY key DESC LIMIT 1), '')
FROM rejection
WHERE key < :before
  AND (:name IS NULL OR name = :name)
  AND (:names IS NULL OR name IN (SELECT value FROM json_each(:names)))
  AND (:text IS NULL OR id LIKE :text ESCAPE '\' OR name LIKE :text ESCAPE '\'
       OR desc LIKE :text ESCAPE '\' OR operator LIKE :text ESCAPE '\' OR violations LIKE :text ESCAPE '\')
ORDER BY key DESC LIMIT :limit;

-- name: select_request
SELECT request, acknowledged FROM workflow WHERE id = ?;

-- name: select_rejection
SELECT key, id, name, desc, operator, time_us, blocks, jobs, violated, first,
       coalesce((SELECT id FROM workflow WHERE mends = rejection.id ORDER BY key DESC LIMIT 1), ''),
       violations, request
FROM rejection WHERE id = ?;

-- name: select_buckets
SELECT name, tokens, since_us FROM bucket;

-- name: upsert_bucket
INSERT INTO bucket (name, tokens, since_us) VALUES (?, ?, ?)
ON CONFLICT (name) DO UPDATE SET tokens = excluded.tokens, since_us = excluded.since_us;

-- name: insert_token
INSERT INTO token (workflow, block, job, bucket, taken_us) VALUES (?, ?, ?, ?, ?);

-- name: select_token
SELECT 1 FROM token WHERE workflow = ? AND block = ? AND job = ?;

-- name: insert_quota_token
INSERT OR IGNORE INTO quota_token (taken_us, workflow, block, job, meter, value) VALUES (?, ?, ?, ?, ?, ?);

-- name: select_quota_tokens
SELECT taken_us, workflow, block, job, meter, value FROM quota_token WHERE taken_us > ? ORDER BY taken_us;

-- name: delete_quota_tokens
DELETE FROM quota_token WHERE taken_us <= ?;

-- name: insert_stop_change
INSERT INTO stop_change (name, status, operator, reason, time_us, expires_us, remind_us, first_operator)
VALUES (?, ?, ?, ?, ?, ?, ?, ?);

-- name: select_latest_stops
SELECT name, status, operator, reason, time_us, expires_us, remind_us, first_operator FROM stop_change
WHERE key IN (SELECT max(key) FROM stop_change GROUP BY name);

-- name: select_release_keys
SELECT name, operator, reason, time_us, expires_us, by_hand FROM release_key;

-- name: upsert_release_key
INSERT INTO release_key (name, operator, reason, time_us, expires_us, by_hand) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (name) DO UPDATE SET operator = excluded.operator, reason = excluded.reason,
    time_us = excluded.time_us, expires_us = excluded.expires_us, by_hand = excluded.by_hand;

-- name: delete_release_key
DELETE FROM release_key WHERE name = ?;

-- name: select_leaving
SELECT name, id FROM workflow WHERE key = ?;

-- name: select_leaving_rejection
SELECT name, id FROM rejection WHERE key = ?;

-- name: delete_tokens
DELETE FROM token WHERE workflow = (SELECT id FROM workflow WHERE key = ?);

-- name: delete_erasures
DELETE FROM erasure WHERE workflow = (SELECT id FROM workflow WHERE key = ?);

-- name: delete_log
DELETE FROM job_log WHERE workflow = ?;

-- name: delete_progress
DELETE FROM job_progress WHERE workflow = ?;

-- name: delete_approvals
DELETE FROM approval WHERE workflow = ?;

-- name: delete_changes
DELETE FROM change WHERE workflow = ?;

-- name: delete_seals
DELETE FROM seal WHERE workflow = ?;

-- name: delete_workflow
DELETE FROM workflow WHERE key = ?;

-- name: delete_rejection
DELETE FROM rejection WHERE key = ?;
