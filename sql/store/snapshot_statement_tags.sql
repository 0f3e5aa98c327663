-- purpose: keep the tags statements were seen with, at most eight sets of each statement
-- minimum version: 14
INSERT INTO ledger.statement_tags AS known (target_id, dbid, userid, queryid, tags, first_seen, last_seen)
SELECT DISTINCT %(target_id)s::integer, new.dbid, new.userid, new.queryid, new.tags::jsonb, %(ts)s::timestamptz, %(ts)s::timestamptz
FROM ROWS FROM (
    pg_catalog.unnest(%(userids)s::bigint[]),
    pg_catalog.unnest(%(dbids)s::bigint[]),
    pg_catalog.unnest(%(queryids)s::bigint[]),
    pg_catalog.unnest(%(tags)s::text[])
) AS new (userid, dbid, queryid, tags)
WHERE (
    SELECT count(*) FROM ledger.statement_tags AS other
    WHERE other.target_id = %(target_id)s AND other.dbid = new.dbid
        AND other.userid = new.userid AND other.queryid = new.queryid
        AND other.tags <> new.tags::jsonb
) < 8
ON CONFLICT (target_id, dbid, userid, queryid, tags) DO UPDATE SET last_seen = excluded.last_seen
