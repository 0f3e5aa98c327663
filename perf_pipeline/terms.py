"""Words of load tests, which the command line offers before anything heavy is imported."""

from collections.abc import Mapping
from typing import Final

TEST_TYPES: Final = ("BASELINE", "LOAD", "STRESS", "ENDURANCE", "SPIKE", "VOLUME")
INDUSTRIES: Final = ("HOME_SERVICES", "RESTAURANT", "AUTOMOTIVE", "RETAIL")
ENVIRONMENTS: Final = ("development", "staging", "production")
#: What two sides are compared by: metric -> whether more of it is better.
COMPARED: Final[Mapping[str, bool]] = {
    "p50_ms": False,
    "p95_ms": False,
    "p99_ms": False,
    "throughput_tps": True,
    #: Of tables, indexes, temporary files that a transaction touches: no busy machine changes it.
    "blocks": False,
}
