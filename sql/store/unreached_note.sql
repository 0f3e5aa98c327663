-- purpose: keep that a target was away, and forget what is older than anybody asks for
-- minimum version: 14
WITH old AS (
    DELETE FROM monitoring.unreached WHERE target = %(target)s AND ts < %(ts)s::timestamptz - interval '400 days'
)
INSERT INTO monitoring.unreached (target, ts, reason)
VALUES (%(target)s, %(ts)s, %(reason)s)
ON CONFLICT DO NOTHING
RETURNING target
