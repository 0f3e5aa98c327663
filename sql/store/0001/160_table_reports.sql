-- purpose: the rendered report of a day: one HTML file and its Markdown
-- minimum version: 14
CREATE TABLE perf_mgmt.reports (
    target_id integer NOT NULL REFERENCES ledger.targets,
    day date NOT NULL,
    kind text NOT NULL,
    html text NOT NULL,
    markdown text NOT NULL,
    content_hash text NOT NULL,
    PRIMARY KEY (target_id, day, kind)
);
