-- purpose: load tests, each version once: what is run, where it may run, which change is too much
-- minimum version: 14
CREATE TABLE perf_mgmt.performance_tests (
    test_id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL CHECK (name <> ''),
    version text NOT NULL CHECK (version <> ''),
    test_type perf_mgmt.test_type_enum NOT NULL,
    industry perf_mgmt.industry_enum,
    target_schema text,
    description text NOT NULL DEFAULT '',
    config jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(config) = 'object'),
    baseline_thresholds jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(baseline_thresholds) = 'object'),
    environments perf_mgmt.environment_enum [] NOT NULL DEFAULT '{development,staging}'
        CHECK (cardinality(environments) > 0),
    is_active boolean NOT NULL DEFAULT true,
    tags text [] NOT NULL DEFAULT '{}',
    created_by text NOT NULL DEFAULT current_user,
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (name, version)
);
