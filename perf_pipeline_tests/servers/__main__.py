"""Get every server the tests want: `python -m perf_pipeline_tests.servers`."""

import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from perf_pipeline.errors import PerfPipelineError, UnreachableError
from perf_pipeline_tests.servers.fetch import cache_folder, ensure
from perf_pipeline_tests.servers.pins import majors, pin

#: Seconds to wait before a registry that failed is asked again.
PAUSES_S = (5.0, 20.0)


def _had(major: int) -> Path:
    """Return the `bin` folder of a server; what the registry fails to give once is asked again."""
    for pause_s in PAUSES_S:
        try:
            return ensure(major)
        except UnreachableError:
            time.sleep(pause_s)
    return ensure(major)


def _line(major: int) -> tuple[str, int]:
    """Return what to say of a server, and the exit code it asks for."""
    start = time.perf_counter()
    try:
        new = not (cache_folder() / pin(major).folder).is_dir()
        where = _had(major)
    except PerfPipelineError as error:
        return f"PostgreSQL {major} left out: {error}", error.exit_code
    how = f"fetched in {time.perf_counter() - start:.1f} s" if new else "here"
    return f"PostgreSQL {major} {how}: {where}", 0


def main() -> int:
    """Print a line per server; return 0 when all are here."""
    code = 0
    with ThreadPoolExecutor() as pool:
        for line, asked in pool.map(_line, majors()):
            print(line, file=sys.stderr if asked else sys.stdout)
            code = max(code, asked)
    return code


if __name__ == "__main__":
    sys.exit(main())
