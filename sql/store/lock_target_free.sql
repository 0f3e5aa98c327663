-- purpose: as lock_target, without waiting: no row while another writer has it
-- minimum version: 14
SELECT pg_catalog.set_config('idle_in_transaction_session_timeout', %(held)s, true)
FROM ledger.targets WHERE target_id = %(target_id)s FOR NO KEY UPDATE SKIP LOCKED
