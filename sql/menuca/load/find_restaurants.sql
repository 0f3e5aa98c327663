-- purpose: a guest looks for a kitchen among all restaurants (M-11)
-- minimum version: 14
-- weight: 4
-- scope: all tenants: what every guest may see of a restaurant
\set points random(1, 5)
SELECT id, name
FROM menuca.restaurants
WHERE configuration @> ('{"cuisine": "Thai", "loyalty": {"points": ' || :points || '}}')::jsonb
  AND status = 'active'
ORDER BY id
LIMIT 20;
