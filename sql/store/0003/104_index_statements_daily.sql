-- purpose: one target's days without a scan of the partition: the rows of a day are written together, so that the span of each stretch of pages says where they are
-- minimum version: 14
CREATE INDEX statements_daily_target_day ON ledger.statements_daily
    USING brin (target_id, day) WITH (pages_per_range = 16, autosummarize = on);
