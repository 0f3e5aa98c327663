-- purpose: table omninode.hook_events_default: events of no month that has a partition (O-11)
-- minimum version: 14
CREATE TABLE IF NOT EXISTS omninode.hook_events_default PARTITION OF omninode.hook_events DEFAULT;
COMMENT ON TABLE omninode.hook_events_default IS
    'One row per event of a month without a partition: empty while partitions are kept up.';
