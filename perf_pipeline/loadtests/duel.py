"""Two databases, or two ways to use one, under the same load in turn, until one is better."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from psycopg import conninfo

from perf_pipeline.errors import ConfigurationError
from perf_pipeline.loadtests import ab, draws, drive, stages, statements
from perf_pipeline.loadtests.ab import Block
from perf_pipeline.loadtests.scenario import Scenario
from perf_pipeline.postgres import connect as pg
from perf_pipeline.postgres.production import refuse_production

#: A block shorter than this has too few transactions for a 99th percentile at 100 a second.
BLOCK_S = 5


@dataclass(frozen=True)
class Side:
    """One of the two: `settings` hold for its sessions (name -> value)."""

    name: str
    url: str
    settings: Mapping[str, str]

    @property
    def loaded_url(self) -> str:
        """What connects with its settings."""
        if not self.settings:
            return self.url
        chosen = " ".join(f"-c {name}={_escaped(value)}" for name, value in self.settings.items())
        parts = conninfo.conninfo_to_dict(pg.libpq_url(self.url))
        parts["options"] = f"{parts.get('options') or ''} {chosen}".strip()
        return conninfo.make_conninfo("", **parts)


def _escaped(value: str) -> str:
    """Return a value as the option `-c` takes it: blanks and backslashes escaped."""
    return value.replace("\\", "\\\\").replace(" ", "\\ ")


def run(
    a: Side,
    b: Side,
    scenario: Scenario,
    *,
    program: Path,
    folder: Path,
    metric: str = "p95_ms",
    users: int | None = None,
    block_s: int = BLOCK_S,
    connections: int = 16,
    say: Callable[[str], None] = lambda _text: None,
) -> list[Block]:
    """Run blocks of load on both sides in turn until `ab.is_decided`, after one of each unmeasured.

    Parameters
    ----------
    a, b : Side
    scenario : Scenario
    program : Path
        pgbench.
    folder : Path
        For scripts and logs.
    metric : str
        By which it is decided.
    users : int, optional
        Default: the scenario's.
    block_s : int
        Seconds of a block.
    connections : int
        Sessions at most.
    say : callable
        Told of each block.

    Raises
    ------
    ProductionError
        A database is marked as production.
    ConfigurationError
        A side does not take its settings, or lacks the scenario's data.
    InputError
        An unknown metric; or a block measured nothing: make it longer.
    LoadError
        pgbench failed.

    """
    sides = {"A": a, "B": b}
    known = {}
    ready: Scenario | None = None
    for name, side in sides.items():
        with pg.session(side.loaded_url) as session:
            refuse_production(session)
            known[name] = drive.facts(session, scenario)
            # both sides with the values of the first: they are to do the same
            ready = ready or draws.filled(session, scenario)
    (stage,) = [
        each
        for each in stages.plan(scenario, "LOAD", users=users, seconds=block_s)
        if each.measured
    ]

    def block(name: str, number: int) -> Block:
        before = statements.read(sides[name].url)
        seen = drive.run_stage(
            sides[name].loaded_url, ready or scenario, stage, known[name], connections, number,
            program, folder / name,
        )  # fmt: skip
        after = statements.read(sides[name].url)
        found = seen.totals
        work = None
        if before is not None and after is not None and found.transactions:
            work = statements.blocks(before, after) / found.transactions or None
        say(f"{name} {found.throughput_tps:,.1f} tps, p95 {found.p95_ms or float('nan'):.2f} ms")
        return Block(name, found.p50_ms, found.p95_ms, found.p99_ms, found.throughput_tps, work)

    for name in sides:
        block(name, 0)
    blocks: list[Block] = []
    while not ab.is_decided(blocks, metric):
        # both blocks of a pair make the same choices
        blocks.append(block(ab.side(len(blocks)), 1 + len(blocks) // 2))
    return blocks


def settings(pairs: tuple[str, ...]) -> dict[str, str]:
    """Read `name=value` settings.

    Raises
    ------
    ConfigurationError
        One has no name or no `=`.

    """
    found = {}
    for pair in pairs:
        name, separator, value = pair.partition("=")
        if not separator or not name.replace("_", "").replace(".", "").isalnum():
            raise ConfigurationError(
                f"setting {pair!r} is not NAME=VALUE", "for example work_mem=64MB"
            )
        found[name] = value
    return found
