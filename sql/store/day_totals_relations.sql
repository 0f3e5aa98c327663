-- purpose: what the daily rollups of tables and indexes hold, for the events of their asset
-- minimum version: 14
SELECT day, sum(rows)::bigint AS rows, sum(tables)::bigint AS tables, sum(indexes)::bigint AS indexes
FROM (
    SELECT day, count(*) AS rows, count(*) AS tables, 0 AS indexes
    FROM ledger.tables_daily
    WHERE target_id = %(target_id)s AND day >= %(first)s AND day <= %(last)s
    GROUP BY day
    UNION ALL
    SELECT day, count(*), 0, count(*)
    FROM ledger.indexes_daily
    WHERE target_id = %(target_id)s AND day >= %(first)s AND day <= %(last)s
    GROUP BY day
) AS kinds
GROUP BY day
ORDER BY day
