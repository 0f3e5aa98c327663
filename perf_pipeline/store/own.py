"""How the store knows the collector's own statements, for those who write texts and read them."""

#: Kept in the place of a text of our own.
OWN_TEXT = "(the collector's own statement)"
