-- purpose: one row per look at a target that found it away: a second attempt failed, too; looks that found it there are ledger.sweeps
-- minimum version: 14
CREATE TABLE monitoring.unreached (
    target text NOT NULL CHECK (target <> ''),
    ts timestamptz NOT NULL,
    reason text NOT NULL,
    PRIMARY KEY (target, ts)
);
COMMENT ON TABLE monitoring.unreached IS
    'One row per look at a target that could not be reached, twice; kept for 400 days.';
