-- purpose: operations of the scenarios that ran, in their order: share, pause, weight at the peak; their SQL is sql/<system>/loadtests/<name>.sql
-- minimum version: 14
CREATE VIEW perf_mgmt.workload_operations AS
SELECT
    s.scenario_name,
    s.version,
    o.place::integer AS place,
    o.item ->> 'name' AS operation_name,
    s.system || '/loadtests/' || (o.item ->> 'name') AS sql_file,
    (o.item ->> 'weight')::integer AS weight_percent,
    (o.item ->> 'think_time_ms')::double precision AS think_time_ms,
    (o.item ->> 'peak_multiplier')::double precision AS peak_multiplier,
    o.item ->> 'origin' AS origin,
    o.item ->> 'context' AS business_context
FROM perf_mgmt.load_scenarios AS s
JOIN perf_mgmt.performance_tests AS t ON t.test_id = s.first_test_id
CROSS JOIN LATERAL jsonb_array_elements(t.config -> 'operations') WITH ORDINALITY AS o (item, place);
