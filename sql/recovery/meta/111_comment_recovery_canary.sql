-- purpose: what a row of perf_pipeline_meta.recovery_canary is
-- minimum version: 14
COMMENT ON TABLE perf_pipeline_meta.recovery_canary IS
    'One row per drill of recovery: committed at a known moment, looked for in what came back; gone after a week.'
