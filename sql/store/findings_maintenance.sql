-- purpose: intervals in which a table was analyzed or vacuumed
-- minimum version: 14
SELECT t.ts, coalesce(w.previous_ts, t.ts), t.schema_name, t.table_name,
    t.analyze_count + t.autoanalyze_count, t.vacuum_count + t.autovacuum_count
FROM ledger.tables AS t
JOIN ledger.sweeps AS w ON w.target_id = t.target_id AND w.ts = t.ts
WHERE t.target_id = %(target_id)s AND t.ts >= %(start)s AND t.ts < %(end)s
    AND w.ts >= %(start)s AND w.ts < %(end)s AND w.source = %(source)s AND t.quality = 'exact'
    AND t.analyze_count + t.autoanalyze_count + t.vacuum_count + t.autovacuum_count > 0
ORDER BY t.ts, t.schema_name, t.table_name
