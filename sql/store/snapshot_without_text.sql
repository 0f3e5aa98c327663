-- purpose: which of the given statements have no text yet and may be asked for, in the order given
-- minimum version: 14
SELECT wanted.userid, wanted.dbid, wanted.queryid
FROM ROWS FROM (
    pg_catalog.unnest(%(userids)s::bigint[]),
    pg_catalog.unnest(%(dbids)s::bigint[]),
    pg_catalog.unnest(%(queryids)s::bigint[])
) WITH ORDINALITY AS wanted (userid, dbid, queryid, place)
WHERE NOT EXISTS (
    SELECT FROM ledger.statement_texts AS known
    WHERE known.target_id = %(target_id)s AND known.dbid = wanted.dbid
        AND known.userid = wanted.userid AND known.queryid = wanted.queryid
) AND NOT EXISTS (
    SELECT FROM ledger.missing_texts AS missing
    WHERE missing.target_id = %(target_id)s AND missing.dbid = wanted.dbid
        AND missing.userid = wanted.userid AND missing.queryid = wanted.queryid
        AND %(ts)s::timestamptz < missing.asked_at + least(
            %(seconds)s * 2.0 ^ least(missing.attempts, 30), %(most_seconds)s
        ) * INTERVAL '1 second'
)
ORDER BY wanted.place
