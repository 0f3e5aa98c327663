-- purpose: who waited for which lock at the instant of a sweep, and who was in the way: a row per session that waits and blocker
-- minimum version: 14
CREATE TABLE ledger.locks (
    target_id integer NOT NULL,
    ts timestamptz NOT NULL,
    pid bigint NOT NULL,
    blocker_pid bigint NOT NULL,
    blockers bigint NOT NULL,
    locktype text NOT NULL,
    mode text NOT NULL,
    blocker_mode text,
    relid bigint,
    schema_name text,
    relation_name text,
    waited_seconds double precision,
    queryid bigint,
    blocker_queryid bigint,
    backend_type text,
    blocker_backend_type text,
    application_name text,
    blocker_application_name text,
    blocker_state text,
    blocker_state_seconds double precision,
    blocker_xact_seconds double precision,
    root_pid bigint NOT NULL,
    depth bigint NOT NULL,
    behind_root bigint NOT NULL,
    is_cycle boolean NOT NULL
) PARTITION BY RANGE (ts);
