"""Hand one message to one channel: an Apprise URL, or NOTIFY in a database."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import psycopg

from perf_pipeline import settings
from perf_pipeline.alerts.model import Channel
from perf_pipeline.errors import PerfPipelineError, UnreachableError
from perf_pipeline.postgres import connect as pg
from perf_pipeline.postgres import sqlfiles
from perf_pipeline.postgres.target import Target

#: NOTIFY takes less than 8,000 bytes.
_MOST_PAYLOAD: Final = 7_900
_TYPES: Final = {"ok": "success", "warning": "warning", "critical": "failure"}
_AGAIN: Final = "sent again: it is not known whether it arrived before\n"
#: What Apprise says of an answer that leads elsewhere.
_REDIRECTED: Final = re.compile(r"error=3\d\d\b")
#: Whatever an address or a token may stand in.
_URL: Final = re.compile(r"[a-z][a-z0-9+.-]*://\S+", re.IGNORECASE)


@dataclass(frozen=True)
class Note:
    """What goes out in one piece: a message, or a digest of several."""

    key: str
    level: str
    title: str
    body: str
    detail: Mapping[str, Any]
    #: It was sent before by a process that died before it could note whether it arrived.
    again: bool = False
    #: The only addressee that has not taken it yet, by its number; '': all of the channel's.
    only: str = ""


class PartlyTakenError(UnreachableError):
    """Some addressees of a channel took a message, and some did not: those have it already.

    Parameters
    ----------
    left : Mapping of str to str
        Why each did not take it, by its number.
    asked : int
        Addressees in all.

    """

    def __init__(self, left: Mapping[str, str], asked: int) -> None:
        why = next(iter(left.values()))
        super().__init__(
            f"not taken by {len(left)} of {asked} addressees: {why}",
            "it is tried again with these alone; mend or remove their addresses",
        )
        self.left = left


def send(channel: Channel, target: Target, store_url: str, note: Note) -> None:
    """Hand a message over; returns when the channel has taken it.

    Parameters
    ----------
    channel : Channel
    target : Target
        Whose message it is: `notify: target` tells in its database.
    store_url : str
    note : Note

    Raises
    ------
    PartlyTakenError
        Some of its addressees did not take it.
    UnreachableError
        It did not take it; never shows an address or a token.
    ConfigurationError
        The target's own variable is not set.

    """
    if channel.notify is not None:
        _notify(store_url if channel.notify == "store" else target.url(), note)
    else:
        _apprise(channel, note)


def payload_of(note: Note) -> str:
    """Return a message as listeners get it: JSON that NOTIFY takes."""
    payload = {"key": note.key, "level": note.level, "title": note.title, **note.detail}
    text = json.dumps(payload, default=str)
    if len(text.encode()) > _MOST_PAYLOAD:
        # a title may be as long as the names in it; the incident leads to the rest
        short = {name: payload[name] for name in ("key", "level", "incident") if name in payload}
        text = json.dumps({**short, "title": note.title[:500]}, default=str)
    return text


def _notify(url: str, note: Note) -> None:
    statement = sqlfiles.load("alerts/book/notify").text
    limits = pg.Limits(5_000, 1_000, settings.current().connect_timeout_s)
    try:
        with pg.connect(url, limits=limits, autocommit=True, patience_s=10.0) as connection:
            connection.execute(statement, {"payload": payload_of(note)})
    except psycopg.Error as error:
        raise UnreachableError(f"NOTIFY: {error}", "it is tried again") from error


def _apprise(channel: Channel, note: Note) -> None:
    # half a second of imports, for who sends something
    from perf_pipeline.alerts import services

    variable = channel.url_env or ""
    url = settings.variable(variable)
    if url is None:
        raise UnreachableError(
            f"environment variable {variable} is not set",
            f"set {variable} to an Apprise URL where the delivery runs",
        )
    found = services.addressees(url)
    if found is None:
        raise UnreachableError(
            f"environment variable {variable} holds no single Apprise URL",
            "see Apprise's list of services; one URL for each channel",
        )
    body = f"{note.body}\n\n{_AGAIN if note.again else ''}message {note.key}"
    left: dict[str, str] = {}
    asked = {number: one for number, one in found.items() if note.only in ("", number)}
    for number, one in asked.items():
        said = services.hand_over(one, note.title, body, _TYPES.get(note.level, "info"))
        if said is not None:
            left[number] = reason_of(said, url)
    if left and len(left) < len(asked):
        raise PartlyTakenError(left, len(asked))
    if left:
        raise UnreachableError(f"not taken: {next(iter(left.values()))}", "it is tried again")


def reason_of(said: str, url: str) -> str:
    """Return the last line of what a service said, without addresses and tokens."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    text = lines[-1] if lines else "no reason was given"
    if _REDIRECTED.search(text):
        text += " (redirected, which would lose the message: name the address it leads to)"
    for secret in sorted(set(re.split(r"[:/?&=@]+", url)), key=len, reverse=True):
        if len(secret) > 5:
            text = text.replace(secret, "***")
    return _URL.sub("***", text)[:300]


def explained(error: Exception) -> str:
    """Return why a message was not taken, in a line."""
    text = error.message if isinstance(error, PerfPipelineError) else f"{type(error).__name__}"
    return text.splitlines()[0][:300]
