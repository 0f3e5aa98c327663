"""`perf-pipeline invalidation`: what is captured, what waits, and a worker."""
