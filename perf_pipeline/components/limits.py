"""The limits of a regression as a target's YAML may override them."""

from typing import Annotated

import dagster as dg
from pydantic import Field

from perf_pipeline.regressions.policy import Policy

_LAST = "Lower 90 % bound of new / old"


class RegressionLimits(dg.Model, dg.Resolvable):
    """Limits on new / old (1.5 is 50 % more); what is left out keeps its default."""

    low: Annotated[
        float | None, Field(description=f"{_LAST} from where on a change is a finding; 1.1.")
    ] = None
    medium: Annotated[
        float | None, Field(description=f"{_LAST} from where on its class is MEDIUM; 1.2.")
    ] = None
    high: Annotated[
        float | None, Field(description=f"{_LAST} from where on its class is HIGH; 1.5.")
    ] = None
    very_high: Annotated[
        float | None, Field(description=f"{_LAST} from where on its class is CRITICAL; 2.")
    ] = None
    degraded: Annotated[
        float | None, Field(description=f"{_LAST} from where on it is called degraded; 1.2.")
    ] = None
    warning: Annotated[
        float | None, Field(description=f"{_LAST} from where on it is a warning; 1.5.")
    ] = None
    critical: Annotated[
        float | None, Field(description=f"{_LAST} from where on it is critical; 3.")
    ] = None
    minimum_before: Annotated[
        int | None, Field(description="Samples of the old level that a finding needs; 10.")
    ] = None
    minimum_after: Annotated[
        int | None, Field(description="Samples of the new level that a finding needs; 5.")
    ] = None

    def declared(self) -> tuple[tuple[str, float], ...]:
        """Return what was declared.

        Raises
        ------
        ConfigurationError
            The limits contradict each other or the defaults that stay.

        """
        given = tuple((k, float(v)) for k, v in self.model_dump().items() if v is not None)
        Policy.of(given)
        return given
