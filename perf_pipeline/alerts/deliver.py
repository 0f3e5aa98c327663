"""Deliver what is in the outbox: at least once, in order, with growing pauses after a refusal.

A message is taken, marked right before it is sent, and marked again when it was taken over. What is
sent twice:

- to a service: what a process sent that died (or stood still for longer than `book.LEASE`) before
  it noted that it arrived, or whose answer was lost. It comes with the same key and says that it
  is sent again. Nobody else sends it before the lease is over; who finds a lease that is no longer
  theirs sends nothing.
- to listeners of the store: nothing. NOTIFY and the mark are one transaction.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any, Final

from perf_pipeline.alerts import book, channels
from perf_pipeline.alerts.book import LAST_PAUSE
from perf_pipeline.alerts.channels import Note, PartlyTakenError
from perf_pipeline.alerts.model import RANK, Channel, alerts_of
from perf_pipeline.postgres.target import Target
from perf_pipeline.store import Store

#: Pauses double from the first to the last.
FIRST_PAUSE: Final = timedelta(seconds=30)
#: Taken at once, of one target.
BATCH: Final = 200
#: A channel that fails so often in a row is left alone until its pause is over; one failure may be
#: the message's.
FAILURES: Final = 2
#: What stands beside a message between its two marks.
DOUBT: Final = "sent; it is not known whether it arrived"
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
                        "lease": book.LEASE,
                        "longest": LAST_PAUSE,
                    },
                )
            # an addressee that alone did not take something is a channel of its own
            for name in sorted({row["channel"] for row in rows}):
                own = [row for row in rows if row["channel"] == name]
                _on_channel(store, target, ways[base_of(name)], own, clock, send, done)
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
    for taken in pieces(rows):
        if failures >= FAILURES:
            untried += [row["message_id"] for row in taken]
            continue
        batch, until = _sending(store, taken, clock())
        if not batch:
            continue  # we took so long that somebody else has it
        ids = [row["message_id"] for row in batch]
        name = batch[0]["channel"]
        marked = {"channel": name, "ids": ids}
        try:
            if channel.notify == "store":
                # told and noted at once: never twice
                with store.begin() as connection:
                    book.run(connection, "book/sent", {**marked, "now": clock()})
                    payload = {"payload": channels.payload_of(note_of(batch))}
                    book.run(connection, "book/notify", payload)
            else:
                send(channel, target, store.url, note_of(batch))
        except PartlyTakenError as error:
            failures = 0
            done.errors[f"{target.name}/{name}"] = channels.explained(error)
            done.sent += len(ids)
            done.put_off += len(ids)
            values = {
                **marked,
                "leased_until": until,
                "due_at": clock() + pause(1),
                "numbers": list(error.left),
                "errors": list(error.left.values()),
            }
            with store.begin() as connection:
                book.run(connection, "book/split", values)
                book.run(connection, "book/sent", {**marked, "now": clock()})
            continue
        except Exception as error:  # a service's library may raise anything; the others go on
            failures += 1
            why = channels.explained(error)
            done.errors[f"{target.name}/{name}"] = why
            done.put_off += len(ids)
            attempts = 1 + max(row["attempts"] for row in batch)
            values = {**marked, "leased_until": until, "error": why}
            with store.begin() as connection:
                book.run(connection, "book/later", {**values, "due_at": clock() + pause(attempts)})
            continue
        failures = 0
        done.sent += len(ids)
        done.notes += 1
        if channel.notify != "store":
            with store.begin() as connection:
                book.run(connection, "book/sent", {**marked, "now": clock()})
    if untried:
        done.put_off += len(untried)
        taken_at, name = rows[0]["leased_until"], rows[0]["channel"]
        left = {"ids": untried, "leased_until": taken_at, "channel": name}
        with store.begin() as connection:
            book.run(connection, "book/untried", {**left, "until": clock() + pause(failures)})


def base_of(name: str) -> str:
    """Return the channel of a delivery's name, which may be one addressee's."""
    return name.partition("/")[0]


def _sending(store: Store, batch: Sequence[Row], now: datetime) -> tuple[list[Row], datetime]:
    """Mark what is sent next; returns what of it is still ours, and until when it is."""
    values = {
        "now": now,
        "lease": book.LEASE,
        "channel": batch[0]["channel"],
        "ids": [row["message_id"] for row in batch],
        "leased_until": batch[0]["leased_until"],
        "doubt": DOUBT,
    }
    with store.begin() as connection:
        ours = {
            row["message_id"]: row["leased_until"]
            for row in book.run(connection, "book/sending", values)
        }
    return [row for row in batch if row["message_id"] in ours], max(ours.values(), default=now)


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
    channel, _, only = first["channel"].partition("/")
    if not first["digest"]:
        detail = {**first["detail"], "target": first["target"], "kind": first["kind"]}
        told = (first["message_key"], first["level"], first["title"], first["body"], detail)
        return Note(*told, again=first["last_error"] == DOUBT, only=only)
    level = max((row["level"] for row in batch), key=lambda each: RANK[each])
    lines = [f"- {row['created_at']:%a %H:%M} {row['title']}" for row in batch[:LISTED]]
    if len(batch) > LISTED:
        lines.append(f"and {len(batch) - LISTED} more")
    kind = str(first["digest"]).split(" ")[0]
    return Note(
        f"{first['target']}:{channel}:{first['digest']}:{first['message_id']}",
        level,
        f"[{first['target']}] {kind} digest: {len(batch)} messages",
        "\n".join(lines),
        {"target": first["target"], "kind": "digest", "messages": len(batch)},
        again=any(row["last_error"] == DOUBT for row in batch),
        only=only,
    )
