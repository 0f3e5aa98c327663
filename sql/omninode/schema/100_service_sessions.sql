-- purpose: table omninode.service_sessions: one row per session of a service instance (O-01)
-- minimum version: 14
CREATE TABLE IF NOT EXISTS omninode.service_sessions (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    service_name text NOT NULL CHECK (length(service_name) BETWEEN 1 AND 200),
    instance_id text CHECK (length(instance_id) <= 200),
    status omninode.session_status NOT NULL DEFAULT 'active',
    session_start timestamptz NOT NULL DEFAULT now(),
    session_end timestamptz CHECK (session_end >= session_start),
    metadata jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CHECK ((status = 'active') = (session_end IS NULL))
);
COMMENT ON TABLE omninode.service_sessions IS 'One row per session of a service instance.';
