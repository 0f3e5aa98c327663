-- purpose: say what the texts read after a sweep cost the target
-- minimum version: 14
UPDATE ledger.sweeps
SET texts_ms = %(texts_ms)s, temp_bytes = temp_bytes + %(temp_bytes)s
WHERE target_id = %(target_id)s AND ts = %(ts)s
