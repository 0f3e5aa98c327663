-- purpose: keep what was told of a target; told again, its end and details are replaced
-- minimum version: 14
INSERT INTO perf_mgmt.events AS known (target_id, kind, object, began_at, ended_at, detail, source)
VALUES (%(target_id)s, %(kind)s, %(object)s, %(began_at)s, %(ended_at)s, %(detail)s, %(source)s)
ON CONFLICT (coalesce(target_id, 0), began_at, kind, object) DO UPDATE
    SET ended_at = excluded.ended_at, detail = excluded.detail, source = excluded.source
RETURNING event_id
