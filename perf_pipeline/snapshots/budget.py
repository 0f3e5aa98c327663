"""What watching a target may cost it, and when its next sweep is therefore due. Pure.

**Cost** is the time a sweep kept one session of the target at work: connecting, answering (by the
server's own clock) and reading texts. Opening and reading texts are taken as they were waited for,
network included: rather too much than too little.

**Database time** of an interval is the greater of the time that passed and `active_time`, what all
sessions of the database spent executing. An idle database has next to no active time, and any
sweep would be most of it; yet one session that works for 0.2 % of the day is in nobody's way. A
busy one executes for many seconds in each second, and the same share is then less noticeable.

The account of a target earns its share of database time and pays for each sweep. A sweep is due
when the account is not in debt. What is not used is kept for `CREDIT_SECONDS`, so that a dear sweep
now and then (an hourly or daily family) is paid for by the cheap ones before it; a new target
begins with that much. All sweeps of a time together therefore never cost more than the share of
that time and of `CREDIT_SECONDS`, plus the last sweep. No debt is kept that takes more than
`MOST_SECONDS` to pay, so that a target is always seen again: only sweeps that each cost more than
the budget of that time exceed it.
"""

import math
from dataclasses import dataclass
from typing import Final

#: Unused budget is kept for this long, in seconds.
CREDIT_SECONDS: Final = 3600.0
#: A target waits at most this long for its next sweep, in seconds: with ticks of five minutes it is
#: seen within the hour after which its service levels count as not measured.
MOST_SECONDS: Final = 3000.0
#: A sweep that broke off delays the next one by at most this: a server in trouble is asked half as
#: often, but it must be seen to recover.
BROKEN_OFF_SECONDS: Final = 600.0


@dataclass(frozen=True)
class Account:
    """A target's account after its last sweep.

    Attributes
    ----------
    balance_ms : float
        Budget left over; negative: debt. Infinite for a new target: it is cut to the credit kept.
    elapsed_s : float
        Seconds since then, by the store's clock.

    """

    balance_ms: float = math.inf
    elapsed_s: float = 0.0


def database_ms(elapsed_s: float, active_ms: float | None) -> float:
    """Return the database time of an interval in ms (the module says what that is).

    Parameters
    ----------
    elapsed_s : float
        Length of the interval; less than 0 (a clock that was set back) is taken as 0.
    active_ms : float or None
        `pg_stat_database.active_time` of the interval; None when it is not known.

    """
    return max(0.0, elapsed_s * 1000.0, active_ms or 0.0)


def charge(
    account: Account, cost_ms: float, active_ms: float | None, share: float, *, broken: bool = False
) -> float:
    """Return the balance in ms after a sweep.

    Parameters
    ----------
    account : Account
    cost_ms : float
        Of the sweep, at least 0.
    active_ms : float or None
        Of the interval that the sweep ends; None when it is not known.
    share : float
        Of database time, above 0 and at most 1.
    broken : bool
        The sweep was not finished.

    """
    earned = share * database_ms(account.elapsed_s, active_ms)
    credit = min(account.balance_ms + earned, share * CREDIT_SECONDS * 1000.0)
    debt = share * (BROKEN_OFF_SECONDS if broken else MOST_SECONDS) * 1000.0
    return max(credit - cost_ms, min(credit, -debt))


def wait_s(balance_ms: float, share: float) -> float:
    """Return how long after a sweep the next one is due, in seconds; 0 without debt."""
    return min(max(0.0, -balance_ms / (share * 1000.0)), MOST_SECONDS)


def is_due(account: Account, share: float) -> bool:
    """Whether a target may be swept now."""
    return seconds_left(account, share) == 0.0


def seconds_left(account: Account, share: float) -> float:
    """Return the seconds until a target is due; a clock that went back is no reason to wait."""
    if account.elapsed_s < 0.0:
        return 0.0
    return max(0.0, wait_s(account.balance_ms, share) - account.elapsed_s)


def spacing_s(balance_ms: float, share: float, cadence_s: float) -> float:
    """Return the time to expect until the next sweep, in seconds: whole ticks of the cadence.

    Parameters
    ----------
    balance_ms : float
        After the last sweep.
    share : float
    cadence_s : float
        Time between two ticks of the collection.

    """
    return cadence_s * max(1, math.ceil(wait_s(balance_ms, share) / cadence_s - 1e-9))
