"""What becomes of a run that fails or is interrupted."""

import dagster as dg
import pytest

from perf_pipeline.embedded.dagster_runs import RunFailedError, Runner
from perf_pipeline.embedded.example import House


def runner(asset: dg.AssetsDefinition, instance: dg.DagsterInstance, house: House) -> Runner:
    made = Runner(house)
    made._job = dg.Definitions([asset]).resolve_implicit_global_asset_job_def()
    made._instance = instance
    return made


@pytest.mark.parametrize(
    ("error", "expected", "says"),
    [
        (KeyboardInterrupt(), KeyboardInterrupt, None),
        (ValueError("too hot"), RunFailedError, "soup: ValueError: too hot"),
    ],
)
def test_a_ctrl_c_is_no_failure(
    error: BaseException, expected: type[BaseException], says: str | None
) -> None:
    @dg.asset
    def soup() -> None:
        raise error

    with dg.DagsterInstance.ephemeral() as instance:
        made = runner(soup, instance, None)  # type: ignore[arg-type]
        with pytest.raises(expected, match=says):
            made.materialize(["soup"])
