-- purpose: which session waits for which lock, and who is in its way; when none waits, locks are not read at all
-- minimum version: 14
-- grant: pg_read_all_stats (part of pg_monitor); without it the waits of other users are hidden
-- cadence: every sweep
-- only with: lock waits
-- scope: database
WITH waiting AS MATERIALIZED (
    SELECT
        a.pid, COALESCE(a.leader_pid, a.pid) AS session_pid,
        a.backend_type, a.application_name, a.query_id
    FROM pg_catalog.pg_stat_activity AS a
    WHERE a.wait_event_type = 'Lock' AND a.datname = pg_catalog.current_database()
),
-- the conditions below are checked once, before the rows: the shared lock table is left alone
sessions AS MATERIALIZED (
    SELECT
        a.pid, COALESCE(a.leader_pid, a.pid) AS session_pid, a.backend_type, a.application_name,
        a.state, a.query_id, a.xact_start, a.state_change
    FROM pg_catalog.pg_stat_activity AS a
    WHERE EXISTS (SELECT FROM waiting)
),
locks AS MATERIALIZED (
    SELECT
        l.pid, l.granted, l.locktype, l.mode, l.relation, l.waitstart, l.virtualtransaction,
        l.transactionid,
        -- the kind of lock decides which of these are there
        pg_catalog.concat_ws(
            ':', l.locktype, l.database, l.relation, l.page, l.tuple, l.virtualxid, l.transactionid,
            l.classid, l.objid, l.objsubid
        ) AS object
    FROM pg_catalog.pg_locks AS l
    WHERE EXISTS (SELECT FROM waiting)
),
prepared AS (
    SELECT l.virtualtransaction, p.prepared
    FROM locks AS l
    JOIN pg_catalog.pg_prepared_xacts AS p ON p.transaction = l.transactionid
    WHERE l.pid IS NULL AND l.locktype = 'transactionid'
),
wanted AS MATERIALIZED (
    SELECT
        w.pid, w.session_pid, w.backend_type, w.application_name, w.query_id,
        l.object, l.locktype, l.mode, l.waitstart,
        COALESCE(
            l.relation,
            -- who waits for another's change of a row holds that row's place in the queue
            (SELECT pg_catalog.min(t.relation) FROM locks AS t WHERE t.pid = w.pid AND t.locktype = 'tuple')
        ) AS relid,
        ARRAY(SELECT DISTINCT b.pid FROM pg_catalog.unnest(pg_catalog.pg_blocking_pids(w.pid)) AS b (pid))
            AS blockers
    FROM waiting AS w
    JOIN locks AS l ON l.pid = w.pid AND NOT l.granted
),
-- what the one in the way holds of it; nothing when it only stands before us in the queue
held AS MATERIALIZED (
    SELECT
        h.object, COALESCE(s.session_pid, h.pid, 0) AS blocker_pid,
        pg_catalog.string_agg(DISTINCT h.mode, ', ' ORDER BY h.mode) AS modes,
        pg_catalog.min(p.prepared) AS prepared
    FROM locks AS h
    LEFT JOIN sessions AS s ON s.pid = h.pid
    LEFT JOIN prepared AS p ON h.pid IS NULL AND p.virtualtransaction = h.virtualtransaction
    WHERE h.granted AND h.object IN (SELECT w.object FROM wanted AS w)
    GROUP BY 1, 2
),
pairs AS (
    SELECT
        w.*, b.pid AS blocker_pid, h.modes AS blocker_mode,
        s.backend_type AS blocker_backend_type, s.application_name AS blocker_application_name,
        s.query_id AS blocker_queryid, s.state AS blocker_state, s.state_change,
        COALESCE(s.xact_start, h.prepared) AS xact_start,
        -- of many in the way those who hold it first, the oldest before the others
        pg_catalog.row_number() OVER (
            PARTITION BY w.pid ORDER BY h.modes IS NULL, COALESCE(s.xact_start, h.prepared), b.pid
        ) AS place
    FROM wanted AS w
    CROSS JOIN LATERAL pg_catalog.unnest(w.blockers) AS b (pid)
    LEFT JOIN held AS h ON h.object = w.object AND h.blocker_pid = b.pid
    LEFT JOIN sessions AS s ON s.pid = b.pid
)
SELECT /* perf-pipeline */
    p.session_pid AS pid, p.blocker_pid, pg_catalog.cardinality(p.blockers) AS blockers,
    p.locktype, p.mode, p.blocker_mode,
    p.relid, n.nspname AS schema_name, c.relname AS relation_name,
    EXTRACT(EPOCH FROM pg_catalog.clock_timestamp() - p.waitstart)::pg_catalog.float8 AS waited_seconds,
    -- unknown while the statement waits for its tables: it is not yet analysed
    p.query_id AS queryid, p.blocker_queryid,
    p.backend_type, p.blocker_backend_type,
    pg_catalog."left"(p.application_name, 64) AS application_name,
    pg_catalog."left"(p.blocker_application_name, 64) AS blocker_application_name,
    CASE p.blocker_pid WHEN 0 THEN 'prepared transaction' ELSE p.blocker_state END AS blocker_state,
    EXTRACT(EPOCH FROM pg_catalog.clock_timestamp() - p.state_change)::pg_catalog.float8
        AS blocker_state_seconds,
    EXTRACT(EPOCH FROM pg_catalog.clock_timestamp() - p.xact_start)::pg_catalog.float8
        AS blocker_xact_seconds
FROM pairs AS p
LEFT JOIN pg_catalog.pg_class AS c ON c.oid = p.relid
LEFT JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
-- who holds it is enough: one who only queues is named where nobody does
WHERE p.place <= CASE WHEN p.blocker_mode IS NULL THEN 1 ELSE 5 END
ORDER BY p.session_pid, p.place
