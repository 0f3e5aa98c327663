"""Two intervals of one target, side by side."""
