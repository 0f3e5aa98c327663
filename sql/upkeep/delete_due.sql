-- purpose: whether a table has a row that is too old
-- minimum version: 14
-- cadence: each plan of upkeep
-- scope: database
SELECT /* perf-pipeline */ EXISTS (
    SELECT FROM ONLY {table} AS t WHERE t.{column} < %(cutoff)s AND {conditions}
) AS is_due
