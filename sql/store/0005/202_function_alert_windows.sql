-- purpose: of each asked instant the newest sweep that is not stale then, and where the window that ends with it begins; no row where there is none
-- minimum version: 14
CREATE FUNCTION monitoring.alert_windows(
    of_target integer, ends timestamptz [], wide double precision, stale double precision
)
RETURNS TABLE (finish timestamptz, start timestamptz, as_of timestamptz, server_target_id integer)
LANGUAGE sql STABLE AS $$
    SELECT e.finish, n.ts - wide * interval '1 second', n.ts, n.server_target_id
    FROM unnest(ends) AS e (finish)
    CROSS JOIN LATERAL (
        SELECT s.ts, s.server_target_id
        FROM ledger.sweeps AS s
        WHERE s.target_id = of_target AND s.ts <= e.finish AND s.ts > e.finish - stale * interval '1 second'
        ORDER BY s.ts DESC
        LIMIT 1
    ) AS n
$$;
