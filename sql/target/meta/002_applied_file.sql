-- purpose: table perf_pipeline_meta.applied_file: one row per SQL file applied to this database
-- minimum version: 14
CREATE TABLE IF NOT EXISTS perf_pipeline_meta.applied_file (
    system text NOT NULL CHECK (system <> ''),
    file_name text NOT NULL CHECK (file_name <> ''),
    content_sha256 text NOT NULL CHECK (content_sha256 ~ '^[0-9a-f]{64}$'),
    applied_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (system, file_name)
);
COMMENT ON TABLE perf_pipeline_meta.applied_file
    IS 'One row per SQL file applied to this database: its content and when it last ran.';
