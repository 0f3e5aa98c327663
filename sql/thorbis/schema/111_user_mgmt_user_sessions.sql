-- purpose: table user_mgmt.user_sessions: one row per sign-in
-- minimum version: 14
CREATE TABLE IF NOT EXISTS user_mgmt.user_sessions (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id bigint NOT NULL REFERENCES user_mgmt.user_profiles (id),
    is_active boolean NOT NULL DEFAULT true,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    CHECK (expires_at > created_at)
);
COMMENT ON TABLE user_mgmt.user_sessions IS 'One row per sign-in.';
