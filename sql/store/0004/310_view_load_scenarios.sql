-- purpose: scenarios that load tests were made of, each version once: users, stages, limits; one that never ran is in its YAML alone
-- minimum version: 14
-- A scenario that ran with other lengths or users is several tests; it is one scenario.
CREATE VIEW perf_mgmt.load_scenarios AS
SELECT DISTINCT ON (t.config ->> 'name', t.version)
    t.config ->> 'name' AS scenario_name,
    t.version,
    t.industry,
    t.config ->> 'system' AS system,
    t.config ->> 'title' AS title,
    t.config ->> 'description' AS description,
    (t.config ->> 'users')::integer AS users,
    (t.config ->> 'ramp_up_s')::integer AS ramp_up_seconds,
    (t.config ->> 'duration_s')::integer AS duration_seconds,
    (t.config ->> 'ramp_down_s')::integer AS ramp_down_seconds,
    (t.config #>> '{limits,average_ms}')::double precision AS max_average_ms,
    (t.config #>> '{limits,p95_ms}')::double precision AS max_p95_ms,
    (t.config #>> '{limits,throughput_tps}')::double precision AS min_throughput_tps,
    (t.config #>> '{limits,error_percent}')::double precision AS max_error_percent,
    (t.config #>> '{limits,cpu_percent}')::double precision AS max_cpu_percent,
    (t.config #>> '{limits,memory_percent}')::double precision AS max_memory_percent,
    t.test_id AS first_test_id
FROM perf_mgmt.performance_tests AS t
WHERE jsonb_typeof(t.config -> 'operations') = 'array'
ORDER BY t.config ->> 'name', t.version, t.test_id;
