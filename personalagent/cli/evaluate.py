"""`personalagent eval NAME`: measure a policy on a benchmark."""

import asyncio
import json
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from personalagent.cli.common import (
    PolicyOption,
    TemplateOption,
    UrlOption,
    console,
    context_from,
    fail,
    policy_from,
    progress,
    template_from,
)
from personalagent.errors import PersonalAgentError
from personalagent.evals.run import BENCHMARKS, run
from personalagent.policies.choose import DEFAULT

NameArgument = Annotated[str, typer.Argument(help=f"One of {', '.join(BENCHMARKS)}.", show_default=False)]
DataOption = Annotated[Path | None, typer.Option("--data", help="Folder of the benchmark's files.")]
SplitOption = Annotated[str, typer.Option("--split", help="Which part of it; default: its first.")]
OutOption = Annotated[Path | None, typer.Option("--json", help="Write the figures to this file.")]


def evaluate(
    name: NameArgument,
    data: DataOption = None,
    split: SplitOption = "",
    policy: PolicyOption = "",
    base_url: UrlOption = "",
    out: OutOption = None,
    template: TemplateOption = None,
) -> None:
    """Measure a policy on a benchmark; prints the figures, and writes them with --json.

    `turns` and `simulated` ship with the package; LAPS and PrefEval are read from --data.
    """
    whole, context = template_from(template), context_from(policy, base_url)
    with progress() as bar:
        task = bar.add_task(name, total=None)
        try:
            figures = asyncio.run(
                run(
                    name,
                    data=data,
                    split=split,
                    policy=policy_from(context),
                    named=context.policy or DEFAULT,
                    template=whole,
                    advance=lambda done, total: bar.update(task, completed=done, total=total),
                )
            )
        except PersonalAgentError as error:
            bar.stop()
            fail(str(error))
    table = Table(show_header=False, box=None)
    for key, value in figures.items():
        table.add_row(key, f"{value:.3f}" if isinstance(value, float) else str(value))
    console.print(table)
    if out is not None:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
