"""How the store knows the collector's own statements, for those who write texts and read them."""

import hashlib
from typing import Final

#: Kept in the place of a text of our own.
OWN_TEXT = "(the collector's own statement)"
#: Its key in `ledger.query_texts`.
OWN_HASH: Final = hashlib.sha256(OWN_TEXT.encode()).hexdigest()
