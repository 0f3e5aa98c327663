-- purpose: delete some sets of tags last seen before an instant; how many
-- minimum version: 14
WITH due AS (
    SELECT target_id, dbid, userid, queryid, tags
    FROM ledger.statement_tags
    WHERE last_seen < %(before)s
    LIMIT %(batch)s
), gone AS (
    DELETE FROM ledger.statement_tags AS g USING due
    WHERE g.target_id = due.target_id AND g.dbid = due.dbid AND g.userid = due.userid
        AND g.queryid = due.queryid AND g.tags = due.tags AND g.last_seen < %(before)s
    RETURNING 1
)
SELECT count(*) AS rows FROM gone
