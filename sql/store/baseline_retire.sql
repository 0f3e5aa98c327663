-- purpose: retire a baseline; it stays, with the reason
-- minimum version: 14
UPDATE perf_mgmt.performance_baselines SET
    is_active = false,
    retired_at = now(),
    notes = concat_ws('; ', nullif(notes, ''), %(notes)s::text)
WHERE baseline_id = %(baseline_id)s AND is_active
RETURNING baseline_id
