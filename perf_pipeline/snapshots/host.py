"""The machine under the server: processors, memory, disk and network, where the server is ours.

Only a server that is proven to run here is told about: the session's own process must be found,
with its age and its parent's. A port forwarded from elsewhere, or from a container with processes
of its own, has no such process here. What cannot be read is absent.
"""

import os
import sys
import warnings
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import polars as pl
import psutil

from perf_pipeline.postgres.here import is_here
from perf_pipeline.snapshots.families import Family
from perf_pipeline.snapshots.reader import Visit

#: The time of the boot is reckoned from a clock that is being adjusted.
BOOT_TOLERANCE: Final = timedelta(minutes=1)

#: Where Linux tells which interfaces are devices, and not bridges or a container's.
_INTERFACES: Final = Path("/sys/class/net")

_NUMBER = pl.Int64()
_SECONDS = pl.Float64()
_CPU: Final = ("cpu_user", "cpu_system", "cpu_idle", "cpu_iowait", "cpu_steal")

HOST: Final = Family(
    name="host",
    keys={"part": pl.String()},
    names=("disk_device",),
    counters={
        **{f"{name}_seconds": _SECONDS for name in _CPU},
        **dict.fromkeys(
            (
                "disk_reads",
                "disk_read_bytes",
                "disk_writes",
                "disk_write_bytes",
                "network_received_bytes",
                "network_sent_bytes",
                "swap_in_bytes",
                "swap_out_bytes",
            ),
            _NUMBER,
        ),
    },
    gauges={
        "cpu_count": _NUMBER,
        "load_1": _SECONDS,
        "load_5": _SECONDS,
        "load_15": _SECONDS,
        **dict.fromkeys(
            (
                "memory_total_bytes",
                "memory_available_bytes",
                "swap_total_bytes",
                "swap_used_bytes",
                "disk_total_bytes",
                "disk_free_bytes",
            ),
            _NUMBER,
        ),
    },
    internal=("part",),
    own_reset=True,
)
#: Columns of `host.sql`.
PROOF: Final = {
    "pid": _NUMBER,
    "backend_start": pl.Datetime("us"),
    "postmaster_start": pl.Datetime("us"),
    "client": pl.String(),
    "server": pl.String(),
    "data_directory": pl.String(),
}
_STATE: Final = {
    **HOST.keys,
    "disk_device": pl.String(),
    **HOST.counters,
    **HOST.gauges,
    "stats_since": pl.Datetime("us"),
}


def survey(proof: pl.DataFrame, visit: Visit) -> pl.DataFrame | None:
    """Read this machine's counters, if the server runs on it.

    Parameters
    ----------
    proof : polars.DataFrame
        The row of `host.sql`, of the session that is still open.
    visit : Visit

    Returns
    -------
    polars.DataFrame or None
        One row of the columns of `HOST` with `stats_since`, the time of the boot; None when the
        server is not proven to be here.

    """
    for row in proof.iter_rows(named=True):
        if not is_here(row):
            continue
        before = visit.before.row(0, named=True) if visit.before is not None else None
        found = continued(measure(row["data_directory"]), before)
        return pl.DataFrame([found], schema=_STATE)
    return None


def continued(now: Mapping[str, Any], before: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return a reading that can be subtracted from: no counter falls but by a new boot. Pure.

    A device that went away takes its counts with it: the sum is then not known. Seconds of a
    processor are reckoned and may run back a little: they stand still then.

    Parameters
    ----------
    now, before : Mapping
        Columns of the state; before None: nothing to compare with.

    """
    found = dict(now)
    if before is None:
        return found
    if abs(now["stats_since"] - before["stats_since"]) > BOOT_TOLERANCE:
        return found
    found["stats_since"] = before["stats_since"]
    other_disk = now["disk_device"] != before["disk_device"]
    for name, kind in HOST.counters.items():
        value, last = now[name], before[name]
        if value is None or last is None:
            continue
        if kind == _SECONDS:
            found[name] = max(value, last)
        elif value < last or (other_disk and name.startswith("disk_")):
            found[name] = None
    return found


def measure(data_directory: str | None) -> dict[str, Any]:
    """Read this machine's counters and levels; what it does not tell is None.

    Parameters
    ----------
    data_directory : str or None
        Of the server: its file system and disk are the ones told about.

    """
    cpu = psutil.cpu_times()
    memory = psutil.virtual_memory()
    boot = datetime.fromtimestamp(psutil.boot_time(), UTC).replace(tzinfo=None)
    loads = dict(zip(("load_1", "load_5", "load_15"), psutil.getloadavg(), strict=True))
    return {
        **dict.fromkeys(_STATE),
        "part": "host",
        "stats_since": boot,
        # the time of interrupts is the system's, of niced processes the users'
        "cpu_user_seconds": cpu.user + getattr(cpu, "nice", 0.0),
        "cpu_system_seconds": cpu.system + getattr(cpu, "irq", 0.0) + getattr(cpu, "softirq", 0.0),
        "cpu_idle_seconds": cpu.idle,
        "cpu_iowait_seconds": getattr(cpu, "iowait", None),
        "cpu_steal_seconds": getattr(cpu, "steal", None),
        "cpu_count": psutil.cpu_count(),
        **loads,
        "memory_total_bytes": memory.total,
        "memory_available_bytes": memory.available,
        **_swap(),
        **_network(),
        **_disk(data_directory),
    }


def _swap() -> dict[str, Any]:
    with warnings.catch_warnings():
        # psutil's way to say that it does not know the traffic, and tells 0
        warnings.simplefilter("error", RuntimeWarning)
        try:
            swap = psutil.swap_memory()
        except (RuntimeWarning, OSError):
            return {}
    return {
        "swap_in_bytes": swap.sin,
        "swap_out_bytes": swap.sout,
        "swap_total_bytes": swap.total,
        "swap_used_bytes": swap.used,
    }


def _network() -> dict[str, Any]:
    """Return the traffic of the machine's own interfaces: what passes a bridge passes them, too."""
    traffic = psutil.net_io_counters(pernic=True, nowrap=False)
    devices = [name for name in traffic if (_INTERFACES / name / "device").exists()]
    chosen = devices or [name for name in traffic if not name.startswith("lo")]
    if not chosen:
        return {}
    return {
        "network_received_bytes": sum(traffic[name].bytes_recv for name in chosen),
        "network_sent_bytes": sum(traffic[name].bytes_sent for name in chosen),
    }


def _disk(data_directory: str | None) -> dict[str, Any]:
    """Return the space of the data directory's file system and the traffic of its disk."""
    if data_directory is None:
        return {}
    try:
        space = psutil.disk_usage(data_directory)
        number = Path(data_directory).stat().st_dev
    except OSError:  # a closed folder above it
        return {}
    found: dict[str, Any] = {"disk_total_bytes": space.total, "disk_free_bytes": space.free}
    disks = psutil.disk_io_counters(perdisk=True, nowrap=False) or {}
    device = _device(number, disks)
    if device is not None:
        traffic = disks[device]
        found |= {
            "disk_device": device,
            "disk_reads": traffic.read_count,
            "disk_read_bytes": traffic.read_bytes,
            "disk_writes": traffic.write_count,
            "disk_write_bytes": traffic.write_bytes,
        }
    return found


def _device(number: int, disks: Iterable[str]) -> str | None:
    """Return the disk with a device number; the only one there is, where numbers tell nothing."""
    if sys.platform == "linux":
        link = Path(f"/sys/dev/block/{os.major(number)}:{os.minor(number)}")
        if link.exists():
            name = link.resolve().name
            return name if name in disks else None
    names = list(disks)
    return names[0] if len(names) == 1 else None
