"""`python -m personalagent.training.tiny`: make the tiny model, and measure what training does to it."""

from pathlib import Path
from typing import Annotated

import torch
import typer
from transformers.utils import logging

from personalagent.training.progress import console, progressed
from personalagent.training.tiny.network import SIZES
from personalagent.training.tiny.pretrain import Course
from personalagent.training.tiny.recipe import FIGURES, Recipe, cook


def main(
    work: Annotated[Path, typer.Option(help="Where everything is kept.")] = Path("build/tiny"),
    laps: Annotated[Path | None, typer.Option(help="The folder of LAPS.")] = None,
    size: Annotated[str, typer.Option(help=f"One of {', '.join(SIZES)}.")] = "cpu",
    config: Annotated[
        str, typer.Option(help="For SFT and GRPO: a path, or a name that ships.")
    ] = "tiny.toml",
    seeds: Annotated[int, typer.Option(min=1, help="Runs of GRPO.")] = 3,
    short_epochs: Annotated[
        float, typer.Option(help="Of pre-training, without the list of slots.")
    ] = Course.short_epochs,
    epochs: Annotated[float, typer.Option(help="Of pre-training after that.")] = Course.epochs,
    most: Annotated[
        int | None, typer.Option(help="Lessons at most, to try it out.", show_default=False)
    ] = None,
    threads: Annotated[int, typer.Option(min=1, help="Cores to train on.")] = 2,
) -> None:
    """Pre-train, fine-tune, train by GRPO and measure; goes on where it was killed."""
    if size not in SIZES:
        raise typer.BadParameter(f"must be one of {', '.join(SIZES)}", param_hint="--size")
    torch.set_num_threads(threads)
    logging.disable_progress_bar()
    with progressed() as say:
        cook(Recipe(work, laps, size, config, seeds, Course(short_epochs, epochs), most), say)
    console.print(f"the figures are in {work / FIGURES}")


if __name__ == "__main__":
    typer.run(main)
