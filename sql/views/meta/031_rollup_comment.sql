-- purpose: what a row of perf_pipeline_meta.rollup is
-- minimum version: 14
COMMENT ON TABLE perf_pipeline_meta.rollup IS
    'One row per view kept incrementally: its declaration, its tables, and what its ways of refreshing have cost.'
