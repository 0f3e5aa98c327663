-- purpose: restaurants whose configuration holds what a guest looks for (M-11)
-- minimum version: 14
-- scope: all tenants: what every guest may see of a restaurant
-- parameters: wanted
SELECT id, name, time_zone, configuration
FROM menuca.restaurants
WHERE configuration @> %(wanted)s::jsonb
  AND status = 'active'
ORDER BY id
