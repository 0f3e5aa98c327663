-- purpose: note which sweeps a stage's results now cover, and on what they rest; a run that overlapped a newer one loses
-- minimum version: 14
INSERT INTO perf_mgmt.day_progress AS noted (target_id, day, stage, covered, inputs)
SELECT %(target_id)s, day, %(stage)s, covered, inputs
FROM unnest(%(days)s::date[], %(covered)s::timestamptz[], %(inputs)s::text[]) AS done (day, covered, inputs)
ON CONFLICT (target_id, day, stage)
DO UPDATE SET covered = excluded.covered, inputs = excluded.inputs
WHERE noted.covered < excluded.covered
    OR (noted.covered = excluded.covered AND noted.inputs IS DISTINCT FROM excluded.inputs)
