-- purpose: say which text a statement has
-- minimum version: 14
INSERT INTO ledger.statement_texts (target_id, dbid, userid, queryid, text_hash)
VALUES (%(target_id)s, %(dbid)s, %(userid)s, %(queryid)s, %(text_hash)s)
ON CONFLICT (target_id, dbid, userid, queryid) DO UPDATE SET text_hash = excluded.text_hash
