-- purpose: statements that took more than 100 ms per call within a period before now, slowest first, from the sweeps in the store
-- minimum version: 14
CREATE FUNCTION monitoring.get_slow_queries(target_name text, period interval DEFAULT '1 hour')
RETURNS TABLE (
    userid bigint, dbid bigint, queryid bigint, toplevel boolean, query_hash text,
    average_ms double precision, calls bigint, total_ms double precision, sample_text text
)
LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF period > INTERVAL '7 days' THEN
        RAISE EXCEPTION USING
            MESSAGE = 'a period of ' || period || ' reaches into days that may be archived',
            HINT = 'ask perf_mgmt.slow_queries, which has every day';
    END IF;
    RETURN QUERY
    SELECT s.userid::bigint, s.dbid::bigint, s.queryid, s.toplevel, t.text_hash,
        sum(s.total_exec_time) / sum(s.calls), sum(s.calls)::bigint, sum(s.total_exec_time),
        q.query
    FROM ledger.statements AS s
    JOIN ledger.targets AS g ON g.target_id = s.target_id AND g.name = target_name
    LEFT JOIN ledger.statement_texts AS t
        ON t.target_id = s.target_id AND t.dbid = s.dbid AND t.userid = s.userid
        AND t.queryid = s.queryid
    LEFT JOIN ledger.query_texts AS q ON q.text_hash = t.text_hash
    WHERE s.ts > now() - period AND s.ts <= now()
    GROUP BY s.userid, s.dbid, s.queryid, s.toplevel, t.text_hash, q.query
    HAVING sum(s.calls) > 0 AND sum(s.total_exec_time) > 100 * sum(s.calls)
    ORDER BY 6 DESC, s.queryid, s.userid, s.dbid, s.toplevel;
END
$$;
