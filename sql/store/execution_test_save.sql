-- purpose: keep a version of a load test; no row when it is known with another definition
-- minimum version: 14
INSERT INTO perf_mgmt.performance_tests AS known (
    name, version, test_type, industry, target_schema, description, config, baseline_thresholds,
    environments, is_active, tags, created_by
)
VALUES (
    %(name)s, %(version)s, %(test_type)s, %(industry)s, %(target_schema)s, %(description)s,
    %(config)s, %(baseline_thresholds)s, %(environments)s::perf_mgmt.environment_enum [],
    %(is_active)s, %(tags)s, coalesce(%(created_by)s, current_user)
)
ON CONFLICT (name, version) DO UPDATE SET
    description = excluded.description,
    baseline_thresholds = excluded.baseline_thresholds,
    environments = excluded.environments,
    is_active = excluded.is_active,
    tags = excluded.tags
WHERE known.test_type = excluded.test_type AND known.config = excluded.config
    AND known.industry IS NOT DISTINCT FROM excluded.industry
    AND known.target_schema IS NOT DISTINCT FROM excluded.target_schema
RETURNING test_id
