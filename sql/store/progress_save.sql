-- purpose: note which sweeps a stage's results now cover; a run that overlapped a newer one loses
-- minimum version: 14
INSERT INTO perf_mgmt.day_progress AS noted (target_id, day, stage, covered)
SELECT %(target_id)s, day, %(stage)s, covered
FROM unnest(%(days)s::date[], %(covered)s::timestamptz[]) AS done (day, covered)
ON CONFLICT (target_id, day, stage)
DO UPDATE SET covered = excluded.covered WHERE noted.covered < excluded.covered
