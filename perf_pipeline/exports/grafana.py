"""Dashboards of the store for Grafana, as files that Grafana provisions itself from.

Each panel is a statement in `sql/exports/grafana/<dashboard>/`, which also runs outside of Grafana:
what is written into the dashboard is that statement with Grafana's variables for its parameters.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from perf_pipeline.errors import ConfigurationError
from perf_pipeline.postgres import sqlfiles
from perf_pipeline.postgres.sqlfiles import SqlFile
from perf_pipeline.store import whole_file

#: Our parameters, as Grafana's PostgreSQL data source fills them in; `sqlstring` quotes the value.
VARIABLES: Final[Mapping[str, str]] = {
    "%(target)s": "${target:sqlstring}",
    "%(start)s": "$__timeFrom()",
    "%(finish)s": "$__timeTo()",
    "%%": "%",
}
PANELS: Final = ("timeseries", "table")
#: Grafana 9.0's; newer ones migrate it by themselves.
SCHEMA_VERSION: Final = 36
DATASOURCE: Final = "perf-pipeline-store"
_COLUMNS: Final = 24
_HEIGHT: Final = 8

_PROVIDER: Final = """\
apiVersion: 1
providers:
  - name: perf-pipeline
    folder: perf-pipeline
    type: file
    options:
      path: {path}
"""

#: The password stays in the environment of Grafana.
_DATASOURCES: Final = """\
apiVersion: 1
datasources:
  - name: perf-pipeline store
    uid: {uid}
    type: postgres
    access: proxy
    url: $PERF_STORE_ADDRESS
    user: perf_grafana
    secureJsonData:
      password: $PERF_GRAFANA_PASSWORD
    jsonData:
      database: $PERF_STORE_DATABASE
      sslmode: $PERF_STORE_SSLMODE
      maxOpenConns: 4
      postgresVersion: 1400
"""


def dashboards() -> dict[str, dict[str, Any]]:
    """Return each dashboard as Grafana's JSON, by its name.

    Raises
    ------
    ConfigurationError
        A panel's header names no kind that is known.

    """
    found: dict[str, list[SqlFile]] = {}
    for file in sqlfiles.folder("exports/grafana"):
        found.setdefault(file.path.parent.name, []).append(file)
    return {name: _dashboard(name, files) for name, files in found.items()}


def write(folder: Path) -> list[Path]:
    """Write dashboards and Grafana's provisioning into a folder.

    Parameters
    ----------
    folder : pathlib.Path
        Becomes what Grafana's `paths.provisioning` names; files of other names stay.

    Returns
    -------
    list of pathlib.Path
        What was written; a file is there whole or not at all.

    """
    absolute = folder.absolute()
    texts = {
        absolute / "dashboards" / "perf-pipeline.yaml": _PROVIDER.format(
            path=json.dumps(str(absolute / "dashboards" / "perf-pipeline"))
        ),
        absolute / "datasources" / "perf-pipeline.yaml": _DATASOURCES.format(uid=DATASOURCE),
    }
    for name, dashboard in dashboards().items():
        path = absolute / "dashboards" / "perf-pipeline" / f"{name}.json"
        texts[path] = json.dumps(dashboard, indent=2) + "\n"
    return [whole_file.replace(path, text) for path, text in texts.items()]


def statement(file: SqlFile) -> str:
    """Return a panel's statement with Grafana's variables."""
    lines = [line for line in file.text.splitlines() if not line.startswith("--")]
    text = "\n".join(lines).strip()
    for ours, theirs in VARIABLES.items():
        text = text.replace(ours, theirs)
    return text


def _dashboard(name: str, files: Sequence[SqlFile]) -> dict[str, Any]:
    source = {"type": "postgres", "uid": DATASOURCE}
    target = {
        "name": "target",
        "label": "Target",
        "type": "query",
        "datasource": source,
        "query": statement(sqlfiles.load("exports/targets")),
        "refresh": 1,  # when the dashboard is opened
        "regex": "",
        "sort": 1,
    }
    return {
        "uid": f"perf-pipeline-{name}".replace("_", "-"),
        "title": f"perf-pipeline: {name.replace('_', ' ')}",
        "tags": ["perf-pipeline", "postgresql"],
        "schemaVersion": SCHEMA_VERSION,
        "timezone": "utc",
        "editable": False,
        "refresh": "5m",  # as often as targets are swept
        "time": {"from": "now-24h", "to": "now"},
        "templating": {"list": [target]},
        "panels": [_panel(number, file, source) for number, file in enumerate(files)],
    }


def _panel(number: int, file: SqlFile, source: Mapping[str, str]) -> dict[str, Any]:
    kind = file.header.get("panel")
    if kind not in PANELS:
        raise ConfigurationError(
            f"{file.path.name}: header line '-- panel: {kind}' names no panel",
            f"use one of {', '.join(PANELS)}",
        )
    width = _COLUMNS // 2
    return {
        "id": number + 1,
        "type": kind,
        "title": file.purpose,
        "datasource": source,
        "gridPos": {
            "h": _HEIGHT,
            "w": width,
            "x": number % 2 * width,
            "y": number // 2 * _HEIGHT,
        },
        "fieldConfig": {"defaults": {"unit": file.header.get("unit", "none")}, "overrides": []},
        "targets": [
            {
                "refId": "A",
                "datasource": source,
                "format": "time_series" if kind == "timeseries" else "table",
                "rawQuery": True,
                "rawSql": statement(file),
            }
        ],
    }
