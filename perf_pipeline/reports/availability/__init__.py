"""Months of one target: how long it could be reached, and what is left of what it may be away."""

from typing import Final

#: What these reports are called: in asset keys and in folders of files.
AVAILABILITY: Final = "availability"
