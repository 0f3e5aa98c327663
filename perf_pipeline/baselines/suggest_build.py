"""Read each load test's good runs and suggest thresholds for it; nothing is changed."""

from dataclasses import dataclass
from typing import Any, Final

from perf_pipeline.baselines import kept, rolling
from perf_pipeline.baselines.rolling import Line
from perf_pipeline.baselines.suggest import LEAST_RUNS, Suggestion, suggest
from perf_pipeline.store import Store
from perf_pipeline.store.load_tests import Thresholds

#: Good runs that are judged again, the newest ones.
MOST_RUNS: Final = 100


@dataclass(frozen=True)
class Suggested:
    """What one load test's runs say of its thresholds; none: there are too few of them."""

    line: Line
    test: str
    runs: int
    suggestions: tuple[Suggestion, ...]

    def as_dicts(self) -> list[dict[str, Any]]:
        """Return the suggestions for a table or for JSON."""
        return [{"test": self.test, "of": str(self.line), **s.as_dict()} for s in self.suggestions]


def suggest_all(
    store: Store, test: str | None = None, target: str | None = None
) -> list[Suggested]:
    """Return what is suggested for every load test that ever ran, or of one name or target."""
    found = []
    for each in store.rows("execution_lines"):
        line = Line.of(each)
        if target is not None and line.target != target:
            continue
        with store.begin() as connection:
            rows, declared = kept.history(connection, line)
        if not rows or (test is not None and rows[-1]["test_name"] != test):
            continue
        good = rolling.good(rows, declared)[-MOST_RUNS:]
        limits = Thresholds.of(rows[-1]["baseline_thresholds"] or {})
        newest = rows[-1]
        found.append(
            Suggested(
                line,
                f"{newest['test_name']} {newest['test_version']}",
                len(good),
                tuple(suggest([rolling.run_of(row) for row in good], limits)),
            )
        )
    return found


def lacking(found: Suggested) -> str:
    """Return why nothing is suggested."""
    least = LEAST_RUNS + 5
    return f"{found.runs} good runs, {least} are needed; or a figure was not measured in some"
