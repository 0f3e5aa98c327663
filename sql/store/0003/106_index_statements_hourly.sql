-- purpose: one target's days, or some of its statements, without a scan of the partition: a day's rows are written together, those of a statement side by side, so that the span of each stretch of pages says where they are
-- minimum version: 14
CREATE INDEX statements_hourly_target_hour ON ledger.statements_hourly
    USING brin (target_id, hour, queryid) WITH (pages_per_range = 8, autosummarize = on);
