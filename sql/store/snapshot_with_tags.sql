-- purpose: which of the given statements are known to carry tags
-- minimum version: 14
SELECT wanted.userid, wanted.dbid, wanted.queryid
FROM ROWS FROM (
    pg_catalog.unnest(%(userids)s::bigint[]),
    pg_catalog.unnest(%(dbids)s::bigint[]),
    pg_catalog.unnest(%(queryids)s::bigint[])
) WITH ORDINALITY AS wanted (userid, dbid, queryid, place)
WHERE EXISTS (
    SELECT FROM ledger.statement_tags AS known
    WHERE known.target_id = %(target_id)s AND known.dbid = wanted.dbid
        AND known.userid = wanted.userid AND known.queryid = wanted.queryid
)
ORDER BY wanted.place
