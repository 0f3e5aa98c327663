-- purpose: keep that a target was away
-- minimum version: 14
INSERT INTO monitoring.unreached (target, ts, reason)
VALUES (%(target)s, %(ts)s, %(reason)s)
ON CONFLICT DO NOTHING
RETURNING target
