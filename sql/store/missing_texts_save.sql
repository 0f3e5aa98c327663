-- purpose: remember statements whose text was asked for in vain
-- minimum version: 14
INSERT INTO ledger.missing_texts AS known (target_id, dbid, userid, queryid, attempts, asked_at)
SELECT %(target_id)s, new.dbid, new.userid, new.queryid, 1, %(ts)s
FROM ROWS FROM (
    pg_catalog.unnest(%(userids)s::bigint[]),
    pg_catalog.unnest(%(dbids)s::bigint[]),
    pg_catalog.unnest(%(queryids)s::bigint[])
) AS new (userid, dbid, queryid)
ORDER BY new.dbid, new.userid, new.queryid
ON CONFLICT (target_id, dbid, userid, queryid) DO UPDATE SET
    attempts = known.attempts + 1, asked_at = excluded.asked_at
