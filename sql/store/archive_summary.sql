-- purpose: what the archive holds, as the store knows it
-- minimum version: 14
SELECT
    count(*) AS files, count(DISTINCT day) AS days, min(day) AS first_day, max(day) AS last_day,
    coalesce(sum(row_count), 0)::bigint AS rows, coalesce(sum(bytes), 0)::bigint AS bytes
FROM ledger.archive
WHERE superseded_at IS NULL
