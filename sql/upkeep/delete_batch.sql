-- purpose: deletes the next batch of rows that are too old, in the order of their age; leaves alone what somebody has locked
-- minimum version: 14
-- cadence: each batch
-- scope: database
WITH old AS MATERIALIZED (
    SELECT t.ctid AS place
    FROM ONLY {table} AS t
    WHERE t.{column} < %(cutoff)s AND {conditions}
    ORDER BY t.{column}
    LIMIT %(rows)s
    FOR UPDATE SKIP LOCKED
), gone AS (
    DELETE FROM ONLY {table} AS t
    WHERE t.ctid = ANY (ARRAY(SELECT o.place FROM old AS o))
    RETURNING {returned}
)
SELECT /* perf-pipeline */ g.* FROM gone AS g
