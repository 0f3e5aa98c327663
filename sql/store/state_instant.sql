-- purpose: when a target was last swept
-- minimum version: 14
SELECT ts FROM ledger.state WHERE target_id = %(target_id)s AND family = %(family)s
