-- purpose: how far the highest value of a partition key had come, each time it was looked at: the rate at which partitions fill
-- minimum version: 14
CREATE TABLE maintenance.partition_positions (
    target text NOT NULL,
    parent text NOT NULL,
    observed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    position bigint NOT NULL,
    PRIMARY KEY (target, parent, observed_at)
);
