-- purpose: forget statements whose text was found, and those that did not run again for long
-- minimum version: 14
DELETE FROM ledger.missing_texts AS m
WHERE m.target_id = %(target_id)s AND (
    m.asked_at < %(ts)s::timestamptz - INTERVAL '7 days'
    OR EXISTS (
        SELECT FROM ledger.statement_texts AS t
        WHERE t.target_id = m.target_id AND t.dbid = m.dbid
            AND t.userid = m.userid AND t.queryid = m.queryid
    )
)
