-- purpose: what a load test is for
-- minimum version: 14
CREATE TYPE perf_mgmt.test_type_enum AS ENUM ('BASELINE', 'LOAD', 'STRESS', 'ENDURANCE', 'SPIKE', 'VOLUME');
