"""`python -m personalagent.evals.report FOLDER PAGE`: the figures of a folder as tables in a page."""

import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from personalagent.pages import filled

BARS: dict[str, dict[str, tuple[str, float]]] = {
    "laps": {"exact_f1": (">=", 0.53), "soft_f1": (">=", 0.70), "ms_per_turn_p50": ("<=", 15)},
    "prefeval": {
        "recall": (">=", 0.62),
        "junk_per_100": ("<=", 4),
        "ask_balanced_accuracy": (">=", 0.78),
        "relevance": (">=", 0.85),
    },
    "turns": {
        "slot_value_f1": (">=", 0.70),
        "classification_accuracy": (">=", 0.90),
        "retraction_recall": (">=", 0.80),
        "third_party_share": ("<=", 0.03),
        "needs_f1": (">=", 0.70),
        "ask_balanced_accuracy": (">=", 0.85),
    },
}
"""What we hold ourselves to."""
_NOT_FIGURES = {"benchmark", "split", "policy", "python"}


def tables(folder: Path) -> str:
    """A table for each benchmark of the folder's files: a row for a figure, a column for a policy."""
    found = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))]
    return "\n\n".join(
        _table(name, sorted((one for one in found if one["benchmark"] == name), key=_in_order))
        for name in sorted({one["benchmark"] for one in found})
    )


def _table(name: str, runs: list[dict[str, Any]]) -> str:
    bars = BARS.get(name, {})
    heads = ["figure", *(["bar"] if bars else []), *(run["policy"].strip() for run in runs)]
    lines = [f"### {name}, split {runs[0]['split']}", "", _row(heads), "|" + "---|" * len(heads)]
    for key in (key for key in runs[0] if key not in _NOT_FIGURES):
        sign, bar = bars.get(key, ("", None))
        shown = [f"{sign} {bar:g}" if bar is not None else ""] if bars else []
        lines.append(_row([key, *shown, *(_shown(run.get(key)) for run in runs)]))
    return "\n".join(lines)


def _in_order(run: dict[str, Any]) -> list[str | int]:
    """By the policy's name, numbers in it by their size."""
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", run["policy"].strip())]


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _shown(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.1f}" if value >= 10 else f"{value:.3f}"
    return "-" if value is None else str(value)


def main() -> None:
    """Fill the page with the folder's figures."""
    folder, page = Path(sys.argv[1]), Path(sys.argv[2])
    page.write_text(filled(page.read_text(encoding="utf-8"), tables(folder)), encoding="utf-8")


if __name__ == "__main__":
    main()
