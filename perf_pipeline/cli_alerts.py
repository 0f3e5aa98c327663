"""`perf-pipeline alerts`: what is wrong, what a policy would have said, and who took it."""
