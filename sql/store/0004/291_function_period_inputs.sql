-- purpose: what the report of a span of days rests on: how far rollups and findings of each day are, and what those rest on; another text, and it is to be made again
-- minimum version: 14
CREATE FUNCTION perf_mgmt.period_inputs(of_target integer, first_day date, last_day date)
RETURNS text
LANGUAGE sql STABLE
AS $$
    SELECT md5(coalesce(string_agg(
        concat_ws(' ', p.day - DATE '2000-01-01', p.stage, extract(EPOCH FROM p.covered), p.version, p.inputs),
        ',' ORDER BY p.day, p.stage
    ), ''))
    FROM perf_mgmt.day_progress AS p
    WHERE p.target_id = of_target AND p.day BETWEEN first_day AND last_day
        AND p.stage IN ('rollup', 'findings')
$$;
