-- purpose: the tags some statements of a target were seen with, each with all its values
-- minimum version: 14
SELECT
    g.queryid, g.userid, g.dbid, tag.key,
    array_agg(DISTINCT tag.value ORDER BY tag.value) AS tag_values
FROM ledger.statement_tags AS g
CROSS JOIN LATERAL pg_catalog.jsonb_each_text(g.tags) AS tag
WHERE g.target_id = %(target_id)s AND g.queryid = ANY (%(queryids)s::bigint [])
GROUP BY g.queryid, g.userid, g.dbid, tag.key
ORDER BY g.queryid, g.userid, g.dbid, tag.key
