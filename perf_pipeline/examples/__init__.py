"""The example systems: their schema, their generated data and their named queries."""
