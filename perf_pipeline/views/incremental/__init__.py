"""Views kept as rollup tables: what writers changed is captured, and only that is applied."""
