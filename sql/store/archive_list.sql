-- purpose: every file the store knows of, least lately verified first
-- minimum version: 14
SELECT
    a.path, t.name AS target, a.table_name AS "table", a.day, a.row_count, a.checksum, a.bytes,
    a.superseded_at IS NOT NULL AS superseded
FROM ledger.archive AS a
JOIN ledger.targets AS t USING (target_id)
ORDER BY a.verified_at, a.path
