-- purpose: memory of the machine a target's server runs on, where that is our own
-- minimum version: 14
-- hot only: the newest day, which the store always has
SELECT h.memory_total_bytes
FROM ledger.host AS h
WHERE h.target_id IN (
    SELECT s.server_target_id FROM ledger.sweeps AS s WHERE s.target_id = %(target_id)s AND s.ts > %(since)s
) AND h.ts > %(since)s AND h.memory_total_bytes IS NOT NULL
ORDER BY h.ts DESC
LIMIT 1
