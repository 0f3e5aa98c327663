-- purpose: what an execution of a load test went through, as it happened; of a process that died, how far it got
-- minimum version: 14
CREATE TABLE perf_mgmt.perf_events (
    event_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    execution_id uuid NOT NULL REFERENCES perf_mgmt.test_executions ON DELETE CASCADE,
    ts timestamptz NOT NULL DEFAULT clock_timestamp(),
    event_type text NOT NULL CHECK (event_type IN (
        'TEST_STARTED', 'STAGE_STARTED', 'SAMPLED', 'STAGE_ENDED',
        'TEST_COMPLETED', 'TEST_FAILED', 'TEST_CANCELLED', 'JUDGED'
    )),
    detail jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(detail) = 'object')
);
