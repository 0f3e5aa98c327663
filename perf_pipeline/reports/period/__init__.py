"""Weeks and months of one target."""

from typing import Final

#: What these reports are called: in asset keys, in perf_mgmt.reports, in folders of files.
WEEKLY: Final = "weekly"
MONTHLY: Final = "monthly"
