"""PostgreSQL without set-up: our own launcher of an embedded server."""
