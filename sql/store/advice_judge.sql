-- purpose: keep what became of advice that was followed
-- minimum version: 14
UPDATE perf_mgmt.advice SET outcome = %(outcome)s, measured = %(measured)s::jsonb
WHERE target_id = %(target_id)s AND kind = 'missing_index' AND object_name = %(object_name)s AND gone_since IS NOT NULL
