-- purpose: how reading texts went on a target last time
-- minimum version: 14
SELECT begun_at, finished, failures, milliseconds FROM ledger.text_reads WHERE target_id = %(target_id)s
