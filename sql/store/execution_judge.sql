-- purpose: keep the verdict on an execution that has none, or was only suspected
-- minimum version: 14
UPDATE perf_mgmt.test_executions SET
    state = %(state)s,
    worst = %(worst)s,
    change_percent = %(change_percent)s,
    baseline_id = %(baseline_id)s,
    comparison = %(comparison)s,
    judged_at = now()
WHERE execution_id = %(execution_id)s AND (state IS NULL OR state = 'SUSPECTED')
RETURNING execution_id
