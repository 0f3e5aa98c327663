-- purpose: note what the rollup of each day of a target holds; the order of its rows does not matter
-- minimum version: 14
UPDATE perf_mgmt.day_progress AS p
SET version = held.version
FROM (
    SELECT
        known.day,
        (coalesce(sum(hashtextextended(d::text, 0)::numeric), 0) %% 9223372036854775807)::bigint
            AS version
    FROM perf_mgmt.day_progress AS known
    LEFT JOIN ledger.statements_daily AS d
        ON d.target_id = %(target_id)s AND d.day = known.day
        AND d.day BETWEEN %(first)s::date AND %(last)s::date
    WHERE known.target_id = %(target_id)s AND known.stage = 'rollup'
        AND known.day BETWEEN %(first)s::date AND %(last)s::date
    GROUP BY known.day
) AS held
WHERE p.target_id = %(target_id)s AND p.stage = 'rollup' AND p.day = held.day
    AND p.version IS DISTINCT FROM held.version
