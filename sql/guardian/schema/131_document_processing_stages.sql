-- purpose: table guardian.document_processing_stages: one row per stage of processing of a document, by month (G-14)
-- minimum version: 14
CREATE TABLE IF NOT EXISTS guardian.document_processing_stages (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    document_id uuid NOT NULL REFERENCES guardian.documents (id),
    stage text NOT NULL CHECK (stage <> ''),
    status guardian.stage_status NOT NULL DEFAULT 'pending',
    started_at timestamptz,
    completed_at timestamptz CHECK (completed_at >= started_at),
    processing_date date NOT NULL DEFAULT (now() AT TIME ZONE 'UTC')::date,
    PRIMARY KEY (id, processing_date)
) PARTITION BY RANGE (processing_date);
COMMENT ON TABLE guardian.document_processing_stages IS 'One row per stage of processing of a document, by month.';
