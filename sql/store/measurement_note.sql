-- purpose: keep what a part of ours measured of a target, one reading of all its subjects, and forget what is older than 40 days
-- minimum version: 14
WITH old AS (
    DELETE FROM monitoring.measurements
    WHERE target = %(target)s AND metric = %(metric)s AND ts < %(ts)s::timestamptz - interval '40 days'
)
INSERT INTO monitoring.measurements (target, metric, subject, ts, value)
SELECT %(target)s, %(metric)s, r.subject, %(ts)s, r.value
FROM unnest(%(subjects)s::text[], %(numbers)s::double precision[]) AS r (subject, value)
ON CONFLICT DO NOTHING
