"""A process that does upkeep and may be killed: `python -m perf_pipeline_tests.upkeep.mortal`.

It reads kinds of upkeep from its input, one a line, forks for each (imports are paid once), says
the child's process id, and when that has ended, how.
"""

import os
import sys

from perf_pipeline.store import Store
from perf_pipeline.upkeep import apply
from perf_pipeline.upkeep.model import DOINGS, require_policy
from perf_pipeline_tests.upkeep.shop import target

NAME = "mortal"


def work(doing: str) -> str:
    """Do one kind of upkeep in this process, which may not live to tell."""
    made = target(NAME, reindex={"minimum_mb": 0.1, "wait_seconds": 30})
    with Store(os.environ["MORTAL_STORE"]) as store:
        try:
            chosen = [each for each in DOINGS if each == doing]
            done = apply.run(made, require_policy(made), store, chosen)
        except Exception as error:
            return f"{type(error).__name__}: {error}".replace("\n", " ")
    return " ".join(result.outcome for result in done.results) or "nothing"


def main() -> None:
    """Serve until the input ends."""
    # the transaction a test has it wait for may be minutes old on a busy machine
    apply.OLD_SECONDS = 3_600.0  # type: ignore[misc]
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            sys.stdout.write(f"said {work(line.strip())}\n")
            sys.stdout.flush()
            os._exit(0)
        sys.stdout.write(f"{child}\n")
        sys.stdout.flush()
        _, status = os.waitpid(child, 0)
        sys.stdout.write(f"ended {status}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
