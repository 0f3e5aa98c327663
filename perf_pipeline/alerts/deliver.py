"""Deliver what is in the outbox: at least once, in order, with growing pauses after a refusal.

A message is marked before it is sent and again when it was taken. Only a process that dies in
between can make it come twice, with the same key.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any, Final

from perf_pipeline.alerts import book, channels
from perf_pipeline.alerts.channels import Note
from perf_pipeline.alerts.model import RANK, Channel, alerts_of
from perf_pipeline.postgres.target import Target
from perf_pipeline.store import Store

#: Pauses double from the first to the last.
FIRST_PAUSE: Final = timedelta(seconds=30)
LAST_PAUSE: Final = timedelta(minutes=10)
#: Taken at once, of one target.
BATCH: Final = 200
#: A channel that fails so often in a row is left alone until its pause is over; one failure may be
#: the message's.
FAILURES: Final = 2
#: Messages listed in a digest.
LISTED: Final = 40

Row = Mapping[str, Any]
Send = Callable[[Channel, Target, str, Note], None]


@dataclass
class Delivered:
    """What one pass did: messages sent and put off, and why by channel."""

    sent: int = 0
    put_off: int = 0
    notes: int = 0
    errors: dict[str, str] = field(default_factory=dict)


def pause(attempts: int) -> timedelta:
    """Return how long to wait after so many attempts."""
    doubled: timedelta = FIRST_PAUSE * 2 ** min(max(attempts - 1, 0), 20)
    return min(doubled, LAST_PAUSE)


def deliver(
    store: Store,
    targets: Sequence[Target],
    clock: Callable[[], datetime],
    send: Send = channels.send,
) -> Delivered:
    """Send what is due.

    Parameters
    ----------
    store : Store
        At revision 0005 or later.
    targets : sequence of Target
        Those whose channels are known; what is due of others waits.
    clock : callable
        Returns the time, aware.
    send : callable
        As `channels.send`: raises where a message was not taken.

    """
    done = Delivered()
    for target in targets:
        ways = {channel.name: channel for channel in alerts_of(target.alerts).routes()}
        if not ways:
            continue
        while True:
            with store.begin() as connection:
                rows = book.run(
                    connection,
                    "book/claim",
                    {
                        "now": clock(),
                        "target": target.name,
                        "channels": list(ways),
                        "limit": BATCH,
                    },
                )
            for name in ways:
                own = [row for row in rows if row["channel"] == name]
                _on_channel(store, target, ways[name], own, clock, send, done)
            if len(rows) < BATCH:
                break
    return done


def _on_channel(
    store: Store,
    target: Target,
    channel: Channel,
    rows: Sequence[Row],
    clock: Callable[[], datetime],
    send: Send,
    done: Delivered,
) -> None:
    failures = 0
    untried: list[int] = []
    for batch in pieces(rows):
        ids = [row["message_id"] for row in batch]
        if failures >= FAILURES:
            untried += ids
            continue
        with store.begin() as connection:
            book.run(
                connection, "book/sending", {"now": clock(), "channel": channel.name, "ids": ids}
            )
        try:
            send(channel, target, store.url, note_of(batch))
        except Exception as error:  # a service's library may raise anything; the others go on
            failures += 1
            why = channels.explained(error)
            done.errors[f"{target.name}/{channel.name}"] = why
            done.put_off += len(ids)
            attempts = 1 + max(row["attempts"] for row in batch)
            _later(store, channel, ids, clock() + pause(attempts), why)
            continue
        failures = 0
        done.sent += len(ids)
        done.notes += 1
        with store.begin() as connection:
            book.run(connection, "book/sent", {"now": clock(), "channel": channel.name, "ids": ids})
    if untried:
        done.put_off += len(untried)
        _later(store, channel, untried, clock() + pause(failures), None)


def _later(
    store: Store, channel: Channel, ids: Sequence[int], at: datetime, error: str | None
) -> None:
    values = {"channel": channel.name, "ids": list(ids), "due_at": at, "error": error}
    with store.begin() as connection:
        book.run(connection, "book/later", values)


def pieces(rows: Sequence[Row]) -> Iterator[Sequence[Row]]:
    """Return what goes out together: each message by itself, all of a digest as one."""
    ordered = sorted(rows, key=lambda row: (row["digest"], row["message_id"]))
    for digest, group in groupby(ordered, key=lambda row: row["digest"]):
        batch = list(group)
        if digest:
            yield batch
        else:
            yield from ([row] for row in batch)


def note_of(batch: Sequence[Row]) -> Note:
    """Return a message, or the digest of several, as it goes out."""
    first = batch[0]
    if not first["digest"]:
        detail = {**first["detail"], "target": first["target"], "kind": first["kind"]}
        return Note(first["message_key"], first["level"], first["title"], first["body"], detail)
    level = max((row["level"] for row in batch), key=lambda each: RANK[each])
    lines = [f"- {row['created_at']:%a %H:%M} {row['title']}" for row in batch[:LISTED]]
    if len(batch) > LISTED:
        lines.append(f"and {len(batch) - LISTED} more")
    kind = str(first["digest"]).split(" ")[0]
    return Note(
        f"{first['target']}:{first['channel']}:{first['digest']}:{first['message_id']}",
        level,
        f"[{first['target']}] {kind} digest: {len(batch)} messages",
        "\n".join(lines),
        {"target": first["target"], "kind": "digest", "messages": len(batch)},
    )
