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

-- name: select_approval_text
SELECT json_array(key, workflow, operator, time_us, request_digest, policies_digest, comment, way, origin,
                  withdrawn_us, withdrawn_reason), ''
FROM approval WHERE key = ?;

-- name: select_approvals_of
SELECT key FROM approval WHERE workflow = ? ORDER BY key;

-- name: select_approval_entries
SELECT told FROM audit
WHERE workflow = ? AND workflow > 0 AND what IN ('approve', 'withdraw approval') AND outcome = 'done' ORDER BY seq;

-- name: select_stretch
SELECT json_group_array(json_array(seq, block, job, status, time_us, error, operator, reason))
FROM (SELECT * FROM change WHERE workflow = ? AND seq BETWEEN ? AND ? ORDER BY seq);

-- name: select_seals
SELECT seq, first, hash FROM seal WHERE workflow = ? ORDER BY seq;

-- name: select_newest_seal
SELECT seq, hash FROM seal WHERE workflow = ? ORDER BY seq DESC LIMIT 1;

-- name: insert_seal
INSERT INTO seal (workflow, seq, first, hash) VALUES (?, ?, ?, ?);

-- name: list_newest
SELECT seq, time_us, who, source, what, workflow_type, target, why, outcome, told, digest, times, workflow, record,
       hash, (SELECT b.hash FROM audit AS b WHERE b.seq = audit.seq - 1)
FROM audit
WHERE seq > :after AND seq < :before
  AND (:types IS NULL OR workflow_type IN (SELECT value FROM json_each(:types)))
  AND (:who IS NULL OR who = :who) AND (:what IS NULL OR what = :what)
  AND (:outcome IS NULL OR outcome = :outcome) AND (:target IS NULL OR target = :target)
  AND time_us >= :since_us AND time_us < :until_us
  AND (:text IS NULL OR who LIKE :text ESCAPE '\' OR source LIKE :text ESCAPE '\' OR what LIKE :text ESCAPE '\'
       OR workflow_type LIKE :text ESCAPE '\' OR target LIKE :text ESCAPE '\' OR why LIKE :text ESCAPE '\'
       OR outcome LIKE :text ESCAPE '\' OR told LIKE :text ESCAPE '\' OR digest LIKE :text ESCAPE '\')
ORDER BY seq DESC LIMIT :limit;

-- name: list_oldest
SELECT seq, time_us, who, source, what, workflow_type, target, why, outcome, told, digest, times, workflow, record,
       hash, (SELECT b.hash FROM audit AS b WHERE b.seq = audit.seq - 1)
FROM audit
WHERE seq > :after AND seq < :before
  AND (:types IS NULL OR workflow_type IN (SELECT value FROM json_each(:types)))
  AND (:who IS NULL OR who = :who) AND (:what IS NULL OR what = :what)
  AND (:outcome IS NULL OR outcome = :outcome) AND (:target IS NULL OR target = :target)
  AND time_us >= :since_us AND time_us < :until_us
  AND (:text IS NULL OR who LIKE :text ESCAPE '\' OR source LIKE :text ESCAPE '\' OR what LIKE :text ESCAPE '\'
       OR workflow_type LIKE :text ESCAPE '\' OR target LIKE :text ESCAPE '\' OR why LIKE :text ESCAPE '\'
       OR outcome LIKE :text ESCAPE '\' OR told LIKE :text ESCAPE '\' OR digest LIKE :text ESCAPE '\')
ORDER BY seq LIMIT :limit;

-- name: select_key
SELECT key FROM workflow WHERE id = ?;

-- name: select_entries_about
SELECT seq, time_us, who, source, what, workflow_type, target, why, outcome, told, digest, times, workflow, record,
       hash, (SELECT b.hash FROM audit AS b WHERE b.seq = audit.seq - 1)
FROM audit
WHERE workflow = ? AND workflow > 0
   OR seq IN (SELECT max(seq) FROM audit WHERE what = 'policies in force' AND digest IN
              (SELECT digest FROM policy_version WHERE key >= (
                  SELECT coalesce(max(p.key), 0) FROM policy_version AS p, workflow AS w
                  WHERE w.key = ? AND p.time_us <= w.created_us)) GROUP BY digest)
ORDER BY seq;

-- name: select_policies_of
SELECT time_us, digest, text FROM policy_version
WHERE key >= (SELECT coalesce(max(p.key), 0) FROM policy_version AS p, workflow AS w
              WHERE w.key = ? AND p.time_us <= w.created_us)
  AND time_us <= (SELECT CASE ended_us WHEN 0 THEN 9e18 ELSE ended_us END FROM workflow WHERE key = ?)
ORDER BY key;

-- name: select_newest_policies
SELECT digest FROM policy_version ORDER BY key DESC LIMIT 1;

-- name: insert_policies
INSERT INTO policy_version (time_us, digest, text) VALUES (?, ?, ?);
