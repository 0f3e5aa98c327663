-- purpose: table guardian.dashboard_reads: one row per look at a dashboard that is not counted yet (G-32)
-- minimum version: 14
-- Written by readers, who never wait here: no index, no key, no row that two of them would change. After
-- a crash it is empty: what it holds is a statistic.
CREATE UNLOGGED TABLE IF NOT EXISTS guardian.dashboard_reads (
    patient_id uuid NOT NULL,
    hit boolean NOT NULL
);
COMMENT ON TABLE guardian.dashboard_reads IS 'One row per look at a dashboard that is not counted yet.';
