-- purpose: one statement's rows of a day; equal keys share their entry
-- minimum version: 14
CREATE INDEX statements_target_queryid ON ledger.statements (target_id, queryid);
