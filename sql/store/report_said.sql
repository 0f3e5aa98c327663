-- purpose: what was last said of each finding of a target
-- minimum version: 14
SELECT said.finding_id, said.verdict
FROM (
    SELECT DISTINCT ON (f.finding_id) f.finding_id, f.verdict
    FROM perf_mgmt.feedback AS f
    WHERE f.target_id = %(target_id)s
    ORDER BY f.finding_id, f.feedback_id DESC
) AS said
WHERE said.verdict <> 'cleared'
ORDER BY said.finding_id
