-- purpose: times and error rate of one of the last 24 hours
-- minimum version: 14
-- weight: 6
\set hours random(0, 23)
SELECT *
FROM omninode.get_performance_metrics(
    now() - make_interval(hours => :hours::integer + 1), now() - make_interval(hours => :hours::integer)
);
