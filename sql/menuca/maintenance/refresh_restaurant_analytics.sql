-- purpose: refresh menuca.restaurant_analytics; returns whether its readers could go on meanwhile (M-14)
-- minimum version: 14
SELECT menuca.refresh_restaurant_analytics() AS concurrently
