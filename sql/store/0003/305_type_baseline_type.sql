-- purpose: INITIAL the first good run, never moved; ROLLING the last good runs; MANUAL what somebody said is normal
-- minimum version: 14
CREATE TYPE perf_mgmt.baseline_type_enum AS ENUM ('INITIAL', 'ROLLING', 'MANUAL');
