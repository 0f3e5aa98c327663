-- purpose: table system_core.activity_stream: one row per thing that happened to an entity of a tenant
-- minimum version: 14
-- The key of a partitioned table must hold the column it is partitioned by.
CREATE TABLE IF NOT EXISTS system_core.activity_stream (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    business_id bigint NOT NULL REFERENCES tenant_mgmt.businesses (id),
    user_id bigint REFERENCES user_mgmt.user_profiles (id),
    activity_type text NOT NULL CHECK (length(activity_type) BETWEEN 1 AND 100),
    entity_type text NOT NULL CHECK (length(entity_type) BETWEEN 1 AND 100),
    entity_id bigint NOT NULL,
    payload jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (id, created_at)
) PARTITION BY RANGE (created_at);
COMMENT ON TABLE system_core.activity_stream IS 'One row per thing that happened to an entity of a tenant, by month (UTC).';
