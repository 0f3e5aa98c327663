"""Services that Apprise knows: their addressees, and handing one message to one of them.

Importing it takes half a second: it is imported where something is sent.
"""

import copy
import hashlib
import logging
from collections.abc import Mapping
from typing import Any

import apprise
from apprise.plugins.email import NotifyEmail


def addressees(url: str) -> Mapping[str, apprise.NotifyBase] | None:
    """Return who takes messages at an Apprise URL, each by a number of its own.

    Of a URL with several addressees Apprise says only whether all took a message. Asked one by
    one, each is asked again only for what it did not take itself. Who is on a mail's cc or bcc
    is an addressee like the others.

    Parameters
    ----------
    url : str

    Returns
    -------
    Mapping of str to plugin, or None
        None: it is no URL, or more than one. A number follows from the addressee alone.

    """
    # a redirected POST becomes a GET without a message, and the answer to that would count
    service = apprise.Apprise(asset=apprise.AppriseAsset(http_redirects=False))
    if not service.add(url) or len(service) != 1:
        return None
    (plugin,) = service
    named = getattr(plugin, "targets", None)
    if not isinstance(named, list) or getattr(plugin, "batch", False):
        return {"": plugin}
    if isinstance(plugin, NotifyEmail):
        known = {address for _, address in named}
        named = [*named, *((False, each) for each in sorted({*plugin.cc, *plugin.bcc} - known))]
    if not named:
        return {"": plugin}
    found = {}
    for one in named:
        alone: Any = copy.copy(plugin)
        alone.targets = [one]
        if isinstance(alone, NotifyEmail):
            alone.cc, alone.bcc = set(), set()
        found[hashlib.sha256(str(one).encode()).hexdigest()[:8]] = alone
    return found


def hand_over(service: apprise.NotifyBase, title: str, body: str, kind: str) -> str | None:
    """Send one message; None: it was taken, else what the service said."""
    sender = apprise.Apprise(asset=service.asset)
    sender.add(service)
    with apprise.LogCapture(level=logging.WARNING, fmt="%(message)s") as captured:  # type: ignore[no-untyped-call]
        taken = sender.notify(
            title=title,
            body=body,
            notify_type=apprise.NotifyType(kind),
            body_format=apprise.NotifyFormat.TEXT,
        )
        said = captured.getvalue()
    return None if taken else str(said)
