-- purpose: statements of a target that are the collector's own
-- minimum version: 14
SELECT userid, dbid, queryid FROM ledger.statement_texts
WHERE target_id = %(target_id)s AND text_hash = %(text_hash)s
