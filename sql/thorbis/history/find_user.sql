-- purpose: sign-in: a person by e-mail
-- minimum version: 14
-- mean ms: 0.5
-- calls per hour: 1900
-- rows per call: 1
-- noise: 0.12
-- behaviour: bimodal
SELECT id, business_id, role_level
FROM user_mgmt.user_profiles
WHERE email = $1 AND is_active
