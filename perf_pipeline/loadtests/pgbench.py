"""Run pgbench as a child: weighted scripts in, per-transaction logs and a summary out."""

import contextlib
import re
import subprocess
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from perf_pipeline.errors import ConfigurationError, PerfPipelineError
from perf_pipeline.loadtests import pgbench_call, progress
from perf_pipeline.loadtests.pgbench_call import LOG_PREFIX, Protocol, Script
from perf_pipeline.postgres import sqlfiles

__all__ = [
    "LoadError",
    "PgbenchRun",
    "Protocol",
    "Script",
    "Summary",
    "error_classes",
    "parse_summary",
    "scripts",
    "start",
]

#: Time a child gets to end after each signal.
_STOP_S = 5.0
#: What pgbench needs on top of the asked duration: start, connect, the last transactions.
_GRACE_S = 60.0
#: Waits for the end of its standard input, which is ours, then ends the child we started: a parent
#: killed with -9 leaves no load behind. The name is checked, a number may have been given anew.
_WATCHER = (
    "read -r _; "
    'if [ ! -r "/proc/$0/comm" ] || grep -q pgbench "/proc/$0/comm"; then '
    'kill -TERM "$0" 2>/dev/null; fi'
)


class LoadError(PerfPipelineError):
    """pgbench could not run the scripts, or some of its clients gave up.

    Attributes
    ----------
    classes : dict
        What the server said -> how many clients it ended.

    """

    def __init__(self, message: str, remedy: str, classes: Mapping[str, int] | None = None) -> None:
        super().__init__(message, remedy)
        self.classes = dict(classes or {})


@dataclass(frozen=True)
class Summary:
    """What pgbench printed at its end; latencies in ms.

    `transactions` were processed; `failed` ended in a serialization failure or deadlock (counted
    by pgbench 15 and later, else 0); `skipped` were behind `rate` beyond the latency limit.
    """

    transactions: int
    failed: int
    skipped: int
    tps: float
    latency_average_ms: float
    latency_stddev_ms: float | None
    lag_average_ms: float | None


def scripts(folder: str) -> tuple[Script, ...]:
    """Return the scripts of a folder of `sql/`, with the weight each file's header names.

    Parameters
    ----------
    folder : str
        For example `thorbis/load`.

    Raises
    ------
    ConfigurationError
        The folder is empty, or a weight is missing or not a positive whole number.

    """
    found = []
    for file in sqlfiles.folder(folder):
        weight = file.header.get("weight", "")
        if not weight.isdecimal() or int(weight) == 0:
            raise ConfigurationError(
                f"{file.path.name}: '-- weight: {weight}' is not a positive whole number",
                "give each load script a weight; those of a folder add up to 100",
            )
        found.append(Script(file.path.stem, file.path, int(weight)))
    if not found:
        raise ConfigurationError(
            f"no load scripts in sql/{folder}", "add pgbench scripts with '-- weight: N'"
        )
    return tuple(found)


class PgbenchRun:
    """One pgbench process; a context manager that stops it, whatever happens.

    Attributes
    ----------
    pid : int
    log_dir : Path
        Holds `pgbench.<pid>[.<thread>]`: one line per transaction (see `latency.read_logs`).
    scripts : tuple of Script
        In the order of `script_no` in the logs.

    """

    def __init__(
        self,
        process: subprocess.Popen[bytes],
        watcher: subprocess.Popen[bytes] | None,
        chosen: tuple[Script, ...],
        log_dir: Path,
        duration_s: float,
    ) -> None:
        self._process = process
        self._watcher = watcher
        self._deadline = time.monotonic() + duration_s + _GRACE_S
        self.pid = process.pid
        self.scripts = chosen
        self.log_dir = log_dir
        self.summary: Summary | None = None

    def __enter__(self) -> "PgbenchRun":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def running(self) -> bool:
        """Return whether pgbench still runs."""
        return self._process.poll() is None

    def ends_within(self, seconds: float) -> bool:
        """Return, after so much time at the latest, whether pgbench has or should have ended."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(seconds)
        return not self.running() or time.monotonic() > self._deadline

    def wait(self, timeout_s: float | None = None) -> Summary:
        """Wait for the end of the run.

        Parameters
        ----------
        timeout_s : float, optional
            Default: the run's duration and a minute.

        Returns
        -------
        Summary

        Raises
        ------
        LoadError
            pgbench ended with an error, some of its clients gave up, it was stopped, or it did not
            end in time (it is stopped then).

        """
        limit = self._deadline - time.monotonic() if timeout_s is None else timeout_s
        try:
            code = self._process.wait(max(0.0, limit))
        except subprocess.TimeoutExpired as late:
            self.stop()
            raise LoadError(
                f"pgbench did not end in time: {self._stderr()}",
                "look for a lock or a server that does not answer",
            ) from late
        self._end_watcher()
        if code != 0:
            raise LoadError(
                f"pgbench ended with code {code}: {self._stderr()}",
                "run the script it names by hand against the same database",
                error_classes((self.log_dir / "stderr.txt").read_text(errors="replace")),
            )
        self.summary = parse_summary((self.log_dir / "stdout.txt").read_text())
        return self.summary

    def stop(self) -> None:
        """End pgbench if it runs; its logs up to about the last block stay readable."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(_STOP_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._end_watcher()

    def _end_watcher(self) -> None:
        watcher, self._watcher = self._watcher, None
        if watcher is None:
            return
        # first the watcher, then its input: at the end of its input it would signal a stale number
        watcher.kill()
        watcher.wait()
        if watcher.stdin is not None:
            watcher.stdin.close()

    def _stderr(self) -> str:
        said = (self.log_dir / "stderr.txt").read_text(errors="replace").strip().splitlines()
        lines = [line for line in said if not line.startswith(progress.PREFIX)]
        told = [line for line in lines if "error" in line or "aborted" in line or "fatal" in line]
        return " | ".join((told or lines)[:5]) or "it printed nothing"


def start(
    url: str,
    chosen: Sequence[Script],
    *,
    pgbench: Path,
    log_dir: Path,
    duration_s: int,
    clients: int = 4,
    threads: int = 1,
    rate: float | None = None,
    protocol: Protocol = "prepared",
    variables: Mapping[str, int | float] | None = None,
    application_name: str = "perf-pipeline-load",
    seed: int | None = None,
    progress_s: int | None = None,
    pooled: bool = False,
) -> PgbenchRun:
    """Start pgbench in the background.

    Parameters
    ----------
    url : str
        The database; user and password go to pgbench by its environment, never by its arguments.
    chosen : sequence of Script
        Each transaction runs one of them, picked by weight.
    pgbench : Path
        The program.
    log_dir : Path
        Made if absent; logs of an earlier run in it are removed.
    duration_s : int
        Seconds; the run ends by itself then.
    clients, threads : int
        Sessions, and threads of pgbench that drive them.
    rate : float, optional
        Transactions per second, open loop: a transaction's latency counts from when it was due, so
        a slow server cannot hide by being asked less. Default: closed loop, as fast as it goes.
    protocol : str
        How statements are sent.
    variables : mapping, optional
        Variables of the scripts (`-D`).
    application_name : str
        Of the sessions.
    seed : int, optional
        Makes the picks repeatable.
    progress_s : int, optional
        Say how it goes every so often (`progress.parse`).
    pooled : bool
        `url` is a pooler's: its sessions are lent, and take no settings from us.

    Returns
    -------
    PgbenchRun

    Raises
    ------
    ConfigurationError
        No script, an impossible number, or pgbench cannot be started.

    """
    pgbench_call.validate(chosen, duration_s, clients, threads, rate)
    log_dir.mkdir(parents=True, exist_ok=True)
    for stale in (*log_dir.glob(f"{LOG_PREFIX}.*"), *log_dir.glob("std*.txt")):
        stale.unlink()
    pgbench_call.make_room(clients)
    words = pgbench_call.command(
        pgbench, chosen, log_dir, duration_s, clients, min(threads, clients), rate, protocol
    )
    for name, value in (variables or {}).items():
        words += ["-D", f"{name}={value}"]
    if seed is not None:
        words.append(f"--random-seed={seed}")
    if progress_s is not None:
        words.append(f"--progress={progress_s}")
    with (
        (log_dir / "stdout.txt").open("wb") as out,
        (log_dir / "stderr.txt").open("wb") as err,
    ):
        try:
            process = subprocess.Popen(
                words,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                env=pgbench_call.environment(url, application_name, pooled=pooled),
                start_new_session=True,  # Ctrl-C reaches us, and we stop it in order
            )
        except OSError as error:
            raise ConfigurationError(
                f"pgbench cannot be started: {error}",
                "install a PostgreSQL with its client programs",
            ) from error
    return PgbenchRun(process, _watch(process.pid), tuple(chosen), log_dir, duration_s)


def _watch(pid: int) -> subprocess.Popen[bytes] | None:
    if not Path("/bin/sh").exists():
        return None  # not POSIX: the run's bounded duration has to do
    return subprocess.Popen(
        ["/bin/sh", "-c", _WATCHER, str(pid)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def error_classes(text: str) -> dict[str, int]:
    """Return what the server said in pgbench's standard error, and how often; pure.

    Numbers and what is in quotes are left out: they differ from one client to the next.
    """
    found = re.findall(r"(?:ERROR|FATAL|PANIC):\s+(.+)", text)
    said = (re.sub(r"\d+", "N", re.sub(r'"[^"]*"', '"..."', each)).strip() for each in found)
    return dict(sorted(Counter(said).items()))


def parse_summary(text: str) -> Summary:
    """Read the report pgbench (14 to 18) prints at its end (pure).

    Raises
    ------
    LoadError
        The text holds no report.

    """
    overall = text.split("SQL script 1:")[0]

    def number(pattern: str) -> float | None:
        match = re.search(pattern, overall)
        return float(match[1]) if match else None

    transactions = number(r"transactions actually processed: (\d+)")
    tps = number(r"tps = ([\d.]+)")
    # of none, it tells no rate
    if transactions is None or (tps is None and transactions > 0):
        raise LoadError("pgbench printed no summary", "look at its standard error")
    average = number(r"latency average = ([\d.]+)")
    return Summary(
        transactions=int(transactions),
        failed=int(number(r"number of failed transactions: (\d+)") or 0),
        skipped=int(number(r"number of transactions skipped: (\d+)") or 0),
        tps=tps if tps is not None else 0.0,
        latency_average_ms=average if average is not None else 0.0,
        latency_stddev_ms=number(r"latency stddev = ([\d.]+)"),
        lag_average_ms=number(r"schedule lag: avg ([\d.]+)"),
    )
