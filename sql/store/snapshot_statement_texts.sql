-- purpose: say which text each statement has
-- minimum version: 14
INSERT INTO ledger.statement_texts (target_id, userid, dbid, queryid, text_hash)
SELECT %(target_id)s, new.userid, new.dbid, new.queryid, new.text_hash
FROM ROWS FROM (
    pg_catalog.unnest(%(userids)s::bigint[]),
    pg_catalog.unnest(%(dbids)s::bigint[]),
    pg_catalog.unnest(%(queryids)s::bigint[]),
    pg_catalog.unnest(%(text_hashes)s::text[])
) AS new (userid, dbid, queryid, text_hash)
ON CONFLICT (target_id, dbid, userid, queryid) DO NOTHING
