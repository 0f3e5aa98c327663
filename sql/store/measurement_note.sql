-- purpose: keep what a part of ours measured of a target, one reading of all its subjects
-- minimum version: 14
INSERT INTO monitoring.measurements (target, metric, subject, ts, value)
SELECT %(target)s, %(metric)s, r.subject, %(ts)s, r.value
FROM unnest(%(subjects)s::text[], %(numbers)s::double precision[]) AS r (subject, value)
ON CONFLICT DO NOTHING
