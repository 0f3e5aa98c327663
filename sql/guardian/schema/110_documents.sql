-- purpose: table guardian.documents: one row per document of a user (G-107)
-- minimum version: 14
-- A text vector holds 1 MB at most; of a longer document the first 100,000 characters are searched,
-- which fit whatever they are.
CREATE TABLE IF NOT EXISTS guardian.documents (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id uuid NOT NULL REFERENCES auth.users (id),
    title text NOT NULL,
    content text NOT NULL DEFAULT '',
    content_vector tsvector GENERATED ALWAYS AS (
        to_tsvector('english'::regconfig, left(content, 100000))
    ) STORED,
    requires_review boolean NOT NULL DEFAULT false,
    confidence_score numeric(4, 3) CHECK (confidence_score BETWEEN 0 AND 1),
    archived boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE guardian.documents IS 'One row per document of a user.';
