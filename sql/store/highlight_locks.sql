-- purpose: the longest waits for locks that the sweeps of a span met, with who was in the way and at the root
-- minimum version: 14
-- hot only: the hour, or the week, before a sweep that was just taken
WITH waits AS (
    SELECT DISTINCT ON (l.pid, l.blocker_pid, l.relid, l.locktype) l.*
    FROM ledger.locks AS l
    WHERE l.target_id = %(target_id)s AND l.ts > %(start)s AND l.ts <= %(finish)s
    ORDER BY l.pid, l.blocker_pid, l.relid, l.locktype, l.waited_seconds DESC NULLS LAST, l.ts DESC
)
SELECT
    w.ts AS seen, w.waited_seconds AS waited_s, w.pid, w.application_name AS application,
    w.schema_name || '.' || w.relation_name AS relation, w.locktype AS lock, w.mode AS wants,
    w.blocker_pid, w.blocker_application_name AS blocker, w.blocker_state, w.blocker_mode AS blocker_holds,
    w.root_pid, w.depth, w.behind_root, w.is_cycle AS deadlock,
    w.queryid::text AS queryid, w.blocker_queryid::text AS blocker_queryid,
    max(w.waited_seconds) OVER () AS all_longest,
    max(w.behind_root) OVER () AS all_behind
FROM waits AS w
ORDER BY w.waited_seconds DESC NULLS LAST, w.ts DESC, w.pid, w.blocker_pid
LIMIT %(most)s
