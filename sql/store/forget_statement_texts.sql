-- purpose: forget the texts of a target's statements that nothing kept in the store names any more; how many
-- minimum version: 14
-- hot only: what is in the archive is in the daily rollups, too
-- one that comes back is read again: every sweep asks for the texts of statements that have none
WITH gone AS (
    DELETE FROM ledger.statement_texts AS t
    USING ledger.query_texts AS q
    WHERE t.target_id = %(target_id)s AND q.text_hash = t.text_hash AND q.first_seen < %(before)s
        AND (t.userid, t.dbid, t.queryid) NOT IN (
            SELECT userid, dbid, queryid FROM ledger.statements_daily
            WHERE target_id = %(target_id)s
            UNION
            SELECT userid, dbid, queryid FROM ledger.statements_hourly
            WHERE target_id = %(target_id)s
            UNION
            SELECT userid, dbid, queryid FROM ledger.statements
            WHERE target_id = %(target_id)s
            UNION
            SELECT userid, dbid, queryid FROM perf_mgmt.findings WHERE target_id = %(target_id)s
            UNION
            SELECT userid, dbid, queryid FROM perf_mgmt.slow_queries WHERE target_id = %(target_id)s
            UNION
            SELECT userid, dbid, queryid FROM perf_mgmt.feedback WHERE target_id = %(target_id)s
            UNION
            SELECT userid, dbid, queryid FROM perf_mgmt.analytics_query_baselines
            WHERE target_id = %(target_id)s
        )
    RETURNING 1
)
SELECT count(*) AS rows FROM gone
