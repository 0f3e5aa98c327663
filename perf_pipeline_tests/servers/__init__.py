"""PostgreSQL 14 to 17 for the tests, from the package registries (18 is the project's own)."""
