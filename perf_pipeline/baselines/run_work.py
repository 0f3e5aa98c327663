"""How much work the statements of a load test were, in blocks: what no busy machine changes; pure.

Time on a shared machine says little of a run of seconds. How many blocks of tables, indexes and
temporary files a statement touches per call does not depend on who else is busy: without the index
it was read with, a statement touches many times as many, whether or not that already takes long.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

#: Blocks per call beyond normal that are too much, in per cent (a warning; twice as much is
#: critical). Ours: on data that are restored the same statement varies by a few per cent, on data
#: that grow by their growth; a lost index makes it several times as many.
THRESHOLD: Final = 50.0
#: Statements called less often are left out: the mean of a few calls is of those few parameters.
LEAST_CALLS: Final = 10
#: And it must add this share to the work of all statements together: what three blocks become of
#: one is no regression of a system.
LEAST_SHARE: Final = 0.05
#: What blocks per call are taken to vary by from run to run (standard deviation of the logarithm):
#: at least this, and this until enough runs are known.
SPREAD: Final = 0.1
_Z99: Final = 2.576
#: Runs from which their own scatter tells.
_ENOUGH: Final = 5
#: 99 % quantile of Student's t for five values, the widest that is used: few runs, much doubt.
_T: Final = 4.604
_MAD_TO_SIGMA: Final = 1.4826
#: Characters of a statement shown.
_SHOWN: Final = 60


@dataclass(frozen=True)
class Statement:
    """What one statement did in a run: blocks of shared buffers and of temporary files."""

    calls: int
    blocks: int
    text: str = ""

    @property
    def per_call(self) -> float:
        """Blocks of one call; at least a tenth, so that ratios stay finite."""
        return max(0.1, self.blocks / self.calls)


#: Digest of a statement's text -> what it did.
Work = Mapping[str, Statement]


@dataclass(frozen=True)
class Grown:
    """The statement that grew most beyond normal; `change` in per cent."""

    current: float
    normal: float
    change: float
    proven: bool
    what: str


def grown(current: Work, earlier: Sequence[Work], larger: float = 1.0) -> Grown | None:
    """Return the statement whose work per call grew most, and all of them together if that is more.

    Parameters
    ----------
    current : Work
    earlier : sequence of Work
        Of the runs of a baseline.
    larger : float
        How many times as large the data are: work that grew no faster is none of the system's.

    Returns
    -------
    Grown or None
        None: no statement is in both. What adds enough to count goes before what does not.

    """
    normal, spread = {}, {}
    for key, now in current.items():
        known = [
            work[key].per_call
            for work in earlier
            if key in work and work[key].calls >= LEAST_CALLS
        ]  # fmt: skip
        if now.calls >= LEAST_CALLS and known:
            normal[key] = median(known)
            spread[key] = _spread(known)
    if not normal:
        return None
    whole = sum(normal[key] * current[key].calls for key in normal)
    found = []
    for key, usual in normal.items():
        each = current[key]
        value = each.per_call / larger
        added = (value - usual) * each.calls / whole
        proven = added >= LEAST_SHARE and math.log(value / usual) > spread[key]
        found.append(Grown(value, usual, 100.0 * (value / usual - 1.0), proven, _short(each.text)))
    return max(found, key=lambda each: (each.proven, each.change))


def of_all(
    current: Work, transactions: int, earlier: Sequence[tuple[Work, int]], larger: float = 1.0
) -> Grown | None:
    """Return the work of a transaction, all statements together: what new texts do not escape.

    Parameters
    ----------
    current : Work
    transactions : int
        That succeeded.
    earlier : sequence of (Work, int)
        Of the runs of a baseline, with their transactions.
    larger : float
        As for `grown`.

    """
    known = [
        value for work, number in earlier if number and (value := _sum(work) / number) > 0
    ]  # fmt: skip
    if not known or not transactions or not current:
        return None
    usual = median(known)
    now = max(0.1, _sum(current) / transactions / larger)
    proven = math.log(now / usual) > _spread(known)
    return Grown(now, usual, 100.0 * (now / usual - 1.0), proven, "all statements")


def _sum(work: Work) -> int:
    return sum(each.blocks for each in work.values())


def _spread(known: Sequence[float]) -> float:
    """Return how much the logarithm of one more value may be above the median."""
    if len(known) < _ENOUGH:
        return _Z99 * SPREAD * math.sqrt(1 + 1 / len(known))
    logs = [math.log(value) for value in known]
    middle = median(logs)
    own = _MAD_TO_SIGMA * median(abs(value - middle) for value in logs)
    return _T * max(SPREAD / 2, own) * math.sqrt(1 + math.pi / 2 / len(known))


def _short(text: str) -> str:
    plain = " ".join(text.split())
    return plain if len(plain) <= _SHOWN else f"{plain[: _SHOWN - 1]}…"
