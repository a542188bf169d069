"""`python -m personalagent.training.tiny.report WORK PAGE`: a recipe's figures and curves, for a page.

Fills the page's tables from ``WORK/figures.json`` and draws its curves beside it from the metrics of GRPO.
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from personalagent.pages import filled
from personalagent.training.tiny.recipe import FIGURES
from personalagent.training.watching import curves

CURVES = "training-curves.png"
SHOWN = (
    "exact",
    "exact_telling",
    "exact_silent",
    "exact_sampled",
    "completeness",
    "no_hallucination",
    "informativeness",
    "consistency",
    "format",
    "slot_value_precision",
    "slot_value_recall",
    "slot_value_f1",
    "silent",
    "operations",
    "evidence_outside",
    "repeated_lines",
    "reply_characters",
)
DRAWN = {"return R_final": ("reward",), "exact turns": ("turn_exact",), "silent turns": ("silent",)}


def table(figures: dict[str, Any]) -> str:
    """A row for each figure, a column for each model; GRPO as mean ± standard deviation over its seeds."""
    seeds = [figures[name] for name in figures if name.startswith("grpo-")]
    names = [name for name in figures if not name.startswith("grpo-")]
    rows = [f"| figure | {' | '.join(names)} | grpo, {len(seeds)} seeds | grpo - sft |"]
    rows.append("|" + "---|" * (len(names) + 3))
    for key in SHOWN:
        cells = [_shown(figures[name].get(key)) for name in names]
        cells += _of_seeds([one.get(key) for one in seeds], figures["sft"].get(key))
        rows.append(f"| {key} | {' | '.join(cells)} |")
    each = ", ".join(f"{one['exact']:.3f}" for one in seeds)
    rows += ["", f"`exact` of the seeds: {each}; of their common start: {figures['sft']['exact']:.3f}."]
    return "\n".join(rows)


def _of_seeds(values: Sequence[float | None], start: float | None) -> tuple[str, str]:
    """The mean of the seeds with its spread, and what it has gained; of what is not there nothing."""
    tuned = [value for value in values if value is not None]
    if len(tuned) < len(values):
        return "-", "-"
    spread = f" ± {stdev(tuned):.3f}" if len(tuned) > 1 else ""
    gain = "-" if start is None else f"{fmean(tuned) - start:+.3f}"
    return f"{fmean(tuned):.3f}{spread}", gain


def _shown(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.0f}" if value >= 10 else f"{value:.3f}"


def fill(work: Path, page: Path) -> None:
    """Put a recipe's figures into the page, and its curves beside it."""
    found = table(json.loads((work / FIGURES).read_text(encoding="utf-8")))
    drawn = f"![Curves of GRPO](training/{CURVES})"
    page.write_text(filled(page.read_text(encoding="utf-8"), f"{found}\n\n{drawn}"), encoding="utf-8")
    png = page.parent / "training" / CURVES
    png.parent.mkdir(exist_ok=True)
    curves({one.name: one / "metrics.jsonl" for one in sorted(work.glob("grpo-*"))}, DRAWN, png)


def main() -> None:
    """Fill the page, and draw the curves beside it."""
    parser = argparse.ArgumentParser(prog="python -m personalagent.training.tiny.report", description=__doc__)
    parser.add_argument("work", type=Path)
    parser.add_argument("page", type=Path)
    given = parser.parse_args()
    fill(given.work, given.page)


if __name__ == "__main__":
    main()
