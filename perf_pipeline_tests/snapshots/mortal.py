"""A collector that dies: runs `collect` and kills itself with -9 at the step it is told.

`python -m perf_pipeline_tests.snapshots.mortal` reads lines with the number of a step (see `steps`;
0: none) and answers each with a line. For each it forks (imports are paid once), and the child
collects. The answer is `killed`, or what the child said: `survived`, or its error.
"""

import os
import signal
import sys
from datetime import date

from perf_pipeline.postgres.target import Target
from perf_pipeline.snapshots import record, texts
from perf_pipeline.store import Store
from perf_pipeline_tests.snapshots.steps import at_step

TARGET = Target("swept", "SWEPT_URL", date(2026, 1, 1))


def collect(step: int) -> str:
    """Collect once in this process, which may not live to tell."""
    with (
        Store(os.environ["MORTAL_STORE"]) as store,
        at_step(step, lambda: os.kill(os.getpid(), signal.SIGKILL)),
    ):
        try:
            record.collect(TARGET, store, text_budget=texts.Budget(0))
        except Exception as error:
            return f"{type(error).__name__}: {error}".replace("\n", " ")
    return "survived"


def main() -> None:
    """Serve until the input ends."""
    for line in sys.stdin:
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            os.write(writing, collect(int(line)).encode())
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
