"""Cache invalidation: what changed is captured, debounced, and carried out once it is due."""
