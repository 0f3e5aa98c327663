"""What several files of the command line share."""

import json
import re
import signal
import threading
from datetime import UTC, date, datetime
from typing import Any

import click


def say(text: str = "") -> None:
    """Print a line for a person."""
    click.echo(text)


def print_json(value: object) -> None:
    """Print a result for a program; dates and paths as text."""
    say(json.dumps(value, indent=2, default=str))


def told_to_stop() -> threading.Event:
    """Return what SIGTERM and Ctrl-C set from now on."""
    told = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: told.set())
    return told


class Day(click.ParamType[date]):
    """An option that is a UTC day."""

    name = "day"

    def convert(self, value: Any, param: Any, ctx: Any) -> date:
        """Read YYYY-MM-DD."""
        if isinstance(value, date):
            return value
        if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", value):
            self.fail(f"{value!r} is not a day; write it as YYYY-MM-DD", param, ctx)
        try:
            return date.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is not a day of the calendar", param, ctx)


class Instant(click.ParamType[datetime]):
    """An option that is an instant; without an offset, it is UTC."""

    name = "instant"

    def convert(self, value: Any, param: Any, ctx: Any) -> datetime:
        """Read ISO 8601."""
        if isinstance(value, datetime):
            return value
        try:
            read = datetime.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is not an instant; write it as 2026-11-21T12:00", param, ctx)
        return read if read.tzinfo else read.replace(tzinfo=UTC)


def size(count: int) -> str:
    """Return bytes as megabytes."""
    return f"{count / 1e6:,.1f} MB"
