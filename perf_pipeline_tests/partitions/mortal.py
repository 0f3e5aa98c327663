"""A maintainer that dies: carries plans out and kills itself, or the server, at a given statement.

`python -m perf_pipeline_tests.partitions.mortal` reads lines `<process|server> <number>`, forks (so
that imports are paid once), and the child counts its statements; before that one it kills itself or
its session's server process with -9. The answer is `killed`, `survived`, or the error.
"""

import os
import re
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg

from perf_pipeline.partitions import apply, create, together
from perf_pipeline.partitions.model import Policy, Span
from perf_pipeline.postgres import drain
from perf_pipeline.store import Store
from perf_pipeline.store.place import Folder
from perf_pipeline_tests.partitions.conftest import BUDGET

TARGET = "mortal"
OLD = Span(2, "month")
POLICIES = (
    Policy("app.events", "at", every="month", premake=1, retention=OLD, then="archive_then_drop"),
    Policy("app.plain", "at", every="month", premake=0, retention=OLD, then="archive_then_drop"),
    Policy("app.other", "at", every="month", premake=1),
)
#: Statements worth a crash of the whole server, which takes longer than ours.
CHANGING = re.compile(r"CREATE|ATTACH|DETACH|DROP|LOCK|WITH moved|COPY")


def count_down(number: int, strike: Callable[[psycopg.Connection[Any]], None], only: bool) -> None:
    """Strike before a session's statement of that number (or changing statement)."""
    seen, database = 0, os.environ["MORTAL_TARGET"].rpartition("/")[2]

    def before(connection: psycopg.Connection[Any], query: object) -> None:
        nonlocal seen
        text = query if isinstance(query, str) else query.as_string(connection)  # type: ignore[attr-defined]
        if only and not CHANGING.search(text):
            return
        seen += 1
        if seen == number:
            strike(connection)

    execute, pieces = psycopg.Cursor.execute, drain.pieces

    def counted(self: Any, query: Any, *args: Any, **kwargs: Any) -> Any:
        if self.connection.info.dbname == database or not only:
            before(self.connection, query)
        return execute(self, query, *args, **kwargs)

    def counted_pieces(connection: Any, statement: Any, most: int) -> Any:
        before(connection, statement)
        return pieces(connection, statement, most)

    psycopg.Cursor.execute = counted  # type: ignore[method-assign]
    drain.pieces = counted_pieces


def maintain(whom: str, number: int) -> str:
    """Carry out what is due in this process, which may not live to tell."""

    def strike(connection: psycopg.Connection[Any]) -> None:
        pid = os.getpid() if whom == "process" else connection.info.backend_pid
        os.kill(pid, signal.SIGKILL)

    try:
        with Store(os.environ["MORTAL_STORE"]) as store:
            if number:
                count_down(number, strike, only=whom == "server")
            report = apply.run(
                store,
                TARGET,
                os.environ["MORTAL_TARGET"],
                POLICIES,
                budget=BUDGET,
                files=Folder(Path(os.environ["MORTAL_FILES"])),
            )
    except Exception as error:
        return f"{type(error).__name__}: {error}".replace("\n", " ")
    wrong = [f"{d.kind} {d.partition}: {d.error}" for d in report.done if d.outcome != "done"]
    return ("; ".join(wrong) or "survived").replace("\n", " ")


def main() -> None:
    """Serve until the input ends."""
    # so that sessions share three creations
    together.CHUNK = 1  # type: ignore[misc]
    if os.environ.get("MORTAL_LARGE"):  # so that the default partition is emptied by a copy
        create.LARGE_BYTES = 0  # type: ignore[misc]
    for line in sys.stdin:
        whom, number = line.split()
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            os.write(writing, maintain(whom, int(number)).encode())
            os._exit(0)
        os.close(writing)
        with os.fdopen(reading, encoding="utf-8") as answer:
            said = answer.read()
        _, status = os.waitpid(child, 0)
        killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
        sys.stdout.write(f"{'killed' if killed else said or status}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
