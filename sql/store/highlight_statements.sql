-- purpose: the statements that took most of the time of a span, with the beginning of their redacted text
-- minimum version: 14
WITH statements AS (
    SELECT s.userid, s.dbid, s.queryid, sum(s.calls)::bigint AS calls, sum(s.total_exec_time) AS total_ms,
        sum(s.rows)::bigint AS rows,
        sum(s.shared_blks_hit)::float8 / nullif(sum(s.shared_blks_hit + s.shared_blks_read), 0) AS hit_share
    FROM ledger.statements AS s
    WHERE s.target_id = %(target_id)s AND s.ts > %(start)s AND s.ts <= %(finish)s AND s.toplevel
    GROUP BY s.userid, s.dbid, s.queryid
)
SELECT
    coalesce(left(pg_catalog.regexp_replace(q.query, '\s+', ' ', 'g'), 80), 'not read yet') AS statement,
    s.queryid::text AS queryid, s.calls, s.total_ms,
    s.total_ms / nullif(s.calls, 0) AS mean_ms, s.rows, s.hit_share,
    s.total_ms / nullif(sum(s.total_ms) OVER (), 0) AS share,
    (
        SELECT string_agg(DISTINCT tag.key || '=' || tag.value, ' ' ORDER BY tag.key || '=' || tag.value)
        FROM ledger.statement_tags AS g
        CROSS JOIN LATERAL pg_catalog.jsonb_each_text(g.tags) AS tag
        WHERE g.target_id = %(target_id)s AND g.dbid = s.dbid AND g.userid = s.userid AND g.queryid = s.queryid
    ) AS tags,
    (count(*) FILTER (WHERE s.total_ms > 1000 * s.calls) OVER ())::bigint AS all_slow,
    (sum(s.calls) OVER ())::bigint AS all_calls, sum(s.total_ms) OVER () AS all_ms
FROM statements AS s
LEFT JOIN ledger.statement_texts AS t
    ON t.target_id = %(target_id)s AND t.dbid = s.dbid AND t.userid = s.userid AND t.queryid = s.queryid
LEFT JOIN ledger.query_texts AS q USING (text_hash)
ORDER BY s.total_ms DESC, s.queryid, s.userid, s.dbid
LIMIT %(most)s
