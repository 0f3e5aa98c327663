-- purpose: sessions of clients in this database by state, application and address, and how long they have been in that state; ours left out
-- minimum version: 14
-- grant: pg_read_all_stats (part of pg_monitor); without it other users' states and addresses are hidden
-- cadence: every sweep
-- scope: database
WITH groups AS (
    SELECT
        COALESCE(a.state, '') AS state,
        pg_catalog."left"(COALESCE(a.application_name, ''), 64) AS application_name,
        -- NULL: a Unix socket
        pg_catalog.host(a.client_addr) AS client,
        pg_catalog.count(*) AS sessions,
        pg_catalog.sum(EXTRACT(EPOCH FROM pg_catalog.clock_timestamp() - a.state_change)) AS state_seconds,
        pg_catalog.max(EXTRACT(EPOCH FROM pg_catalog.clock_timestamp() - a.state_change)) AS longest_seconds
    FROM pg_catalog.pg_stat_activity AS a
    WHERE a.datname = pg_catalog.current_database()
        -- hidden types are told apart by their user: the server's own processes have none
        AND COALESCE(a.backend_type, 'client backend') = 'client backend' AND a.usesysid IS NOT NULL
        AND a.pid <> pg_catalog.pg_backend_pid()
        AND COALESCE(a.application_name, '') NOT LIKE 'perf-pipeline%'
    GROUP BY 1, 2, 3
),
-- names that differ with every session must not become a row each
ranked AS (
    SELECT
        g.*,
        pg_catalog.row_number() OVER (
            ORDER BY g.sessions DESC, g.state = 'idle', g.application_name, g.client, g.state
        ) > 50 AS is_rest
    FROM groups AS g
)
SELECT /* perf-pipeline */
    r.state,
    CASE WHEN r.is_rest THEN '(others)' ELSE r.application_name END AS application_name,
    CASE WHEN r.is_rest THEN NULL ELSE r.client END AS client,
    pg_catalog.sum(r.sessions)::pg_catalog.int8 AS sessions,
    (pg_catalog.sum(r.state_seconds) / pg_catalog.sum(r.sessions))::pg_catalog.float8 AS mean_state_seconds,
    pg_catalog.max(r.longest_seconds)::pg_catalog.float8 AS longest_state_seconds
FROM ranked AS r
GROUP BY 1, 2, 3
