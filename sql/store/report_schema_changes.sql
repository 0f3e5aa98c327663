-- purpose: the first schema changes of each of some days of a target, and how many there were
-- minimum version: 14
SELECT ts, previous_ts, kind, object_name, relation_name, change, definition_before, definition_after, total
FROM (
    SELECT
        ts, previous_ts, kind, object_name, relation_name, change,
        left(definition_before, 2000) AS definition_before,
        left(definition_after, 2000) AS definition_after,
        count(*) OVER (PARTITION BY (ts AT TIME ZONE 'UTC')::date) AS total,
        row_number() OVER (
            PARTITION BY (ts AT TIME ZONE 'UTC')::date
            ORDER BY
                ts, kind, object_name, relation_name, change, definition_before, definition_after
        ) AS place
    FROM ledger.schema_changes
    WHERE target_id = %(target_id)s
        AND ts >= %(start)s::timestamptz AND ts < %(end)s::timestamptz
) AS numbered
WHERE place <= 200
ORDER BY (ts AT TIME ZONE 'UTC')::date, place
