-- name: count_all
SELECT (SELECT count(*) FROM workflow), (SELECT count(*) FROM change), (SELECT count(*) FROM rejection);

-- name: select_stored
SELECT id, name, desc, operator, created_us, mends, lineage_kind, lineage_id, submit_key, blocks, status,
       started_us, ended_us, since_us, reason, seq, current_block, counts, request, key
FROM workflow ORDER BY key;

-- name: select_changes
SELECT seq, block, job, status, time_us, error, operator, reason FROM change
WHERE workflow = ? ORDER BY seq;

-- name: select_logged
SELECT DISTINCT block, job FROM job_log WHERE workflow = ?;

-- name: select_progress
SELECT block, job, fraction, message FROM job_progress WHERE workflow = ? ORDER BY block, job;

-- name: select_tokens
SELECT block, job, bucket, taken_us FROM token WHERE workflow = ? ORDER BY block, job;

-- name: select_erasures
SELECT block, job, site, machine, erased_us FROM erasure WHERE workflow = ? ORDER BY block, job;

-- name: orphans_of_change
SELECT workflow, count(*) FROM change
WHERE workflow NOT IN (SELECT key FROM workflow) GROUP BY workflow;

-- name: orphans_of_seal
SELECT workflow, count(*) FROM seal
WHERE workflow NOT IN (SELECT key FROM workflow) GROUP BY workflow;

-- name: orphans_of_job_log
SELECT workflow, count(*) FROM job_log
WHERE workflow NOT IN (SELECT key FROM workflow) GROUP BY workflow;

-- name: orphans_of_job_progress
SELECT workflow, count(*) FROM job_progress
WHERE workflow NOT IN (SELECT key FROM workflow) GROUP BY workflow;

-- name: orphans_of_approval
SELECT workflow, count(*) FROM approval
WHERE workflow NOT IN (SELECT key FROM workflow) GROUP BY workflow;

-- name: orphans_of_token
SELECT workflow, count(*) FROM token
WHERE workflow NOT IN (SELECT id FROM workflow) GROUP BY workflow;

-- name: orphans_of_erasure
SELECT workflow, count(*) FROM erasure
WHERE workflow NOT IN (SELECT id FROM workflow) GROUP BY workflow;

-- name: select_used_keys
SELECT submit_key, group_concat(id, ', ') FROM workflow NOT INDEXED
WHERE submit_key IS NOT NULL GROUP BY submit_key HAVING count(*) > 1;

-- name: select_rejections
SELECT id, name, desc, operator, time_us, blocks, jobs, violated, first, violations, request, key
FROM rejection ORDER BY key;

-- name: select_stop_changes
SELECT key, name, status, operator, reason, time_us FROM stop_change ORDER BY key;

-- name: select_levels
SELECT b.name, b.tokens, b.since_us,
       (SELECT count(*) FROM token WHERE bucket = b.name AND taken_us >= b.since_us)
FROM bucket AS b ORDER BY b.name;

-- name: select_unfounded_quota_tokens
SELECT taken_us, workflow, block, job FROM quota_token WHERE workflow IN (SELECT id FROM workflow)
EXCEPT
SELECT c.time_us, w.id, c.block, c.job FROM change AS c JOIN workflow AS w ON w.key = c.workflow
WHERE c.status = 2 AND c.job >= 0 AND c.time_us >= (SELECT min(taken_us) FROM quota_token);

-- name: select_buckets_without_level
SELECT bucket, count(*) FROM token WHERE bucket NOT IN (SELECT name FROM bucket) GROUP BY bucket;

-- name: select_due
WITH ended AS (
    SELECT key, id, seq, ended_us, row_number() OVER (ORDER BY ended_us DESC, key DESC) AS place
    FROM workflow WHERE status IN (SELECT value FROM json_each(:final))
)
SELECT key, id, seq, ended_us FROM ended
WHERE ended_us <= :rested AND (place > :keep OR ended_us < :before) ORDER BY ended_us, key;

-- name: select_due_rejections
SELECT key FROM rejection
WHERE key NOT IN (SELECT key FROM rejection ORDER BY key DESC LIMIT :keep) ORDER BY key;

-- name: archive_workflow
SELECT id, name, desc, operator, created_us, mends, lineage_kind, lineage_id, submit_key, blocks, status,
       started_us, ended_us, since_us, reason, seq, current_block, json(counts), json(request), key
FROM workflow WHERE key = ?;

-- name: archive_changes
SELECT json_array(seq, block, job, status, time_us, error, operator, reason) FROM change
WHERE workflow = ? ORDER BY seq;

-- name: archive_log
SELECT json_array(block, job, n, time_us, text) FROM job_log WHERE workflow = ? ORDER BY block, job, n;

-- name: archive_progress
SELECT json_array(block, job, fraction, message) FROM job_progress WHERE workflow = ? ORDER BY block, job;

-- name: archive_approvals
SELECT json_array(operator, time_us, request_digest, policies_digest, comment, way, origin, withdrawn_us,
                  withdrawn_reason)
FROM approval WHERE workflow = ? ORDER BY key;

-- name: archive_tokens
SELECT json_array(block, job, bucket, taken_us) FROM token WHERE workflow = ? ORDER BY block, job;

-- name: archive_erasures
SELECT json_array(block, job, site, machine, erased_us) FROM erasure WHERE workflow = ? ORDER BY block, job;

-- name: archive_rejection
SELECT json_object('format', ?, 'id', id, 'name', name, 'desc', desc, 'operator', operator,
                   'time_us', time_us, 'blocks', blocks, 'jobs', jobs, 'violated', violated, 'first', first,
                   'violations', json(violations), 'request', json(request))
FROM rejection WHERE key = ?;
