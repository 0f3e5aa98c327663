-- purpose: the least that shows that statements are answered, through a pool as well
-- minimum version: 14
SELECT /* perf-pipeline */ 1 AS answered
