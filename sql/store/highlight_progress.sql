-- purpose: the long commands that the sweeps of a span met, each as it was seen last
-- minimum version: 14
-- hot only: the hour, or the week, before a sweep that was just taken
SELECT
    p.ts AS seen, p.command, p.relation, p.phase, p.done, p.total, p.unit, p.percent, p.rounds, p.seconds,
    p.process
FROM (
    SELECT DISTINCT ON (p.pid, p.command, p.relid)
        p.ts, p.command, p.schema_name || '.' || p.relation_name AS relation, p.phase, p.done, p.total,
        p.unit, 100.0 * p.done / nullif(p.total, 0) AS percent, p.rounds, p.seconds, p.backend_type AS process
    FROM ledger.progress AS p
    WHERE p.target_id = %(target_id)s AND p.ts > %(start)s AND p.ts <= %(finish)s
    ORDER BY p.pid, p.command, p.relid, p.ts DESC
) AS p
ORDER BY p.ts DESC, p.seconds DESC NULLS LAST, p.command, p.relation
LIMIT %(most)s
