-- purpose: whether a day has sums of statements
-- minimum version: 14
SELECT EXISTS (
    SELECT FROM ledger.statements_daily WHERE target_id = %(target_id)s AND day = %(day)s
) AS measured
