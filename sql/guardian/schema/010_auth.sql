-- purpose: schema auth: who may sign in; patients are users
-- minimum version: 14
CREATE SCHEMA IF NOT EXISTS auth;
COMMENT ON SCHEMA auth IS 'who may sign in; patients are users';
