"""Get every server the tests want: `python -m perf_pipeline_tests.servers`."""

import sys
import time
from concurrent.futures import ThreadPoolExecutor

from perf_pipeline.errors import PerfPipelineError
from perf_pipeline_tests.servers.fetch import cache_folder, ensure
from perf_pipeline_tests.servers.pins import majors, pin


def _line(major: int) -> tuple[str, int]:
    """Return what to say of a server, and the exit code it asks for."""
    start = time.perf_counter()
    try:
        new = not (cache_folder() / pin(major).folder).is_dir()
        where = ensure(major)
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
