-- purpose: the category of each statement, by the tags of its client before its text, and whether it only reads
-- minimum version: 14
CREATE VIEW perf_mgmt.statement_categories AS
SELECT
    t.target_id, t.dbid, t.userid, t.queryid, t.text_hash,
    coalesce(tagged.category, perf_mgmt.query_category(q.query), 'general') AS category,
    CASE
        WHEN tagged.category IS NOT NULL THEN 'tag'
        WHEN perf_mgmt.query_category(q.query) IS NOT NULL THEN 'text'
        ELSE 'default'
    END AS decided_by,
    q.query ~* '^\s*(select|table|values|with)\M'
    AND q.query !~* '\m(insert\s+into|update|delete\s+from|merge\s+into|nextval|setval)\M' AS reads_only,
    upper(substring(q.query FROM '\w+')) AS query_type
FROM ledger.statement_texts AS t
JOIN ledger.query_texts AS q USING (text_hash)
LEFT JOIN (
    SELECT
        g.target_id, g.dbid, g.userid, g.queryid,
        perf_mgmt.query_category(string_agg(tag.value, ' ')) AS category
    FROM ledger.statement_tags AS g
    CROSS JOIN LATERAL jsonb_each_text(g.tags) AS tag
    GROUP BY g.target_id, g.dbid, g.userid, g.queryid
) AS tagged USING (target_id, dbid, userid, queryid);
