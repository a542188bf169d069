"""A benchmark by name: figures as a dictionary, with what made them."""

import platform
import resource
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from personalagent.errors import DataError, SettingError
from personalagent.evals import laps, prefeval, simulated, turns
from personalagent.evals.reader import Evaluated
from personalagent.policies.metering import metered
from personalagent.policies.policy import Policy
from personalagent.profile.template import Template
from personalagent.stores.index import MemoryIndex, PreferenceIndex

Advance = Callable[[int, int], None]


class Benchmark(NamedTuple):
    """A benchmark, the splits that it has (the first is the default), and whether it brings its own data."""

    splits: tuple[str, ...]
    ships: bool


BENCHMARKS = {
    "laps": Benchmark(laps.SPLITS, ships=False),
    "prefeval": Benchmark(prefeval.SPLITS, ships=False),
    "simulated": Benchmark(simulated.SPLITS, ships=True),
    "turns": Benchmark(("test", "dev", "train"), ships=True),
}


async def run(
    name: str,
    *,
    data: Path | None,
    split: str,
    policy: Policy,
    named: str,
    template: Template,
    advance: Advance,
) -> dict[str, Any]:
    """The figures of a policy on a split of a benchmark; `named` tells it from others in tables.

    Raises `SettingError` for an unknown name or split, `DataError` where its data is not to be found, and
    `PolicyError` when the policy's server is out.
    """
    if name not in BENCHMARKS:
        raise SettingError(f"eval must be one of {', '.join(BENCHMARKS)}, not {name!r}")
    benchmark = BENCHMARKS[name]
    chosen = split or benchmark.splits[0]
    if chosen not in benchmark.splits:
        raise SettingError(f"--split of {name} must be one of {', '.join(benchmark.splits)}, not {chosen!r}")
    if data is None and not benchmark.ships:
        raise DataError(f"{name} does not ship with the package: pass --data")
    what = Evaluated(policy, template)
    index: PreferenceIndex | None = None if named == "rules" else MemoryIndex()
    figures: dict[str, Any]
    with metered() as meter:
        if name == "laps" and data is not None:
            figures = await laps.run(what, data, chosen, advance)
        elif name == "prefeval" and data is not None:
            figures = await prefeval.run(what, data, chosen, advance, index)
        elif name == "simulated":
            figures = await simulated.run(what, data, chosen, advance)
        else:
            figures = await turns.run(what, data, chosen, advance, index)
    if meter.usage.calls:
        figures |= {"unread_turns": len(what.unread), **meter.usage.model_dump()}
    return {
        "benchmark": name,
        "split": chosen,
        "policy": named,
        "python": platform.python_version(),
        "peak_memory_mib": _peak_mib(),
        **figures,
    }


def _peak_mib() -> float:
    """The most memory that the process has had, in MiB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (1024 * 1024 if sys.platform == "darwin" else 1024), 1)
