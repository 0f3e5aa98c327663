-- purpose: table guardian.document_processing_stages_default: stages of no month that has a partition (G-20)
-- minimum version: 14
CREATE TABLE IF NOT EXISTS guardian.document_processing_stages_default
    PARTITION OF guardian.document_processing_stages DEFAULT;
COMMENT ON TABLE guardian.document_processing_stages_default IS
    'One row per stage of a month without a partition: empty while partitions are kept up.';
