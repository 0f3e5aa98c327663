-- purpose: the business whose work a load test imitates
-- minimum version: 14
CREATE TYPE perf_mgmt.industry_enum AS ENUM ('HOME_SERVICES', 'RESTAURANT', 'AUTOMOTIVE', 'RETAIL');
