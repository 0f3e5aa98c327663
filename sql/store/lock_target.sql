-- purpose: one writer of a target's intervals at a time, and none that holds on when it cannot be heard any more
-- minimum version: 14
SELECT pg_catalog.set_config('idle_in_transaction_session_timeout', %(held)s, true)
-- rows that name the target may be written meanwhile: another target's sweep may hand it a server
FROM ledger.targets WHERE target_id = %(target_id)s FOR NO KEY UPDATE
