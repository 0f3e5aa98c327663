-- purpose: when texts of statements were last read on each target, and how that went
-- minimum version: 14
CREATE TABLE ledger.text_reads (
    target_id integer PRIMARY KEY REFERENCES ledger.targets,
    begun_at timestamptz NOT NULL,
    finished boolean NOT NULL,
    failures integer NOT NULL,
    milliseconds double precision NOT NULL
);
