"""Reports of load tests: of one execution, and of all of a range of days."""
