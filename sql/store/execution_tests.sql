-- purpose: the load tests of a name, newest version last recorded first; all of them without a name
-- minimum version: 14
SELECT
    test_id, name, version, test_type::text AS test_type, industry::text AS industry,
    target_schema, description, config, baseline_thresholds,
    environments::text [] AS environments, is_active, tags, created_by
FROM perf_mgmt.performance_tests
WHERE (%(name)s::text IS NULL OR name = %(name)s) AND (%(version)s::text IS NULL OR version = %(version)s)
ORDER BY name, created_at DESC, test_id DESC
