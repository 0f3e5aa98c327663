-- purpose: no load test waits for a word about it
-- minimum version: 14
SET LOCAL lock_timeout = '500ms'
