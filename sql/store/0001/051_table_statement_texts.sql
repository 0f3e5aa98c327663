-- purpose: which text a statement of a target has
-- minimum version: 14
CREATE TABLE ledger.statement_texts (
    target_id integer NOT NULL REFERENCES ledger.targets,
    dbid bigint NOT NULL,
    userid bigint NOT NULL,
    queryid bigint NOT NULL,
    text_hash text NOT NULL REFERENCES ledger.query_texts,
    PRIMARY KEY (target_id, dbid, userid, queryid)
);
