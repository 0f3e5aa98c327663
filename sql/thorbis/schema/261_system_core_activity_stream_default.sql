-- purpose: table system_core.activity_stream_default: activity of no month that has a partition (T-23)
-- minimum version: 14
CREATE TABLE IF NOT EXISTS system_core.activity_stream_default
    PARTITION OF system_core.activity_stream DEFAULT;
COMMENT ON TABLE system_core.activity_stream_default IS
    'One row per activity of a month without a partition: empty while partitions are kept up.';
