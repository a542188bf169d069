"""`personalagent train`: run the training scripts, each in a process that takes this one's place."""

import os
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from personalagent.cli.common import fail
from personalagent.errors import SettingError
from personalagent.training.config import GrpoConfig, Kind, load, shipped

app = typer.Typer(
    no_args_is_help=True, help="Train a language model to infer profiles; see docs/training.md."
)

NEEDED = ("torch", "transformers", "trl", "peft", "datasets", "accelerate", "matplotlib")
ConfigOption = Annotated[
    str,
    typer.Option(
        "--config",
        metavar="FILE",
        help=f"A TOML file, or one that ships: {', '.join(shipped())}.",
        show_default=False,
    ),
]
OutOption = Annotated[
    Path | None,
    typer.Option(
        "--out", metavar="DIR", help="The run's folder, in place of the file's.", show_default=False
    ),
]
CheckpointArgument = Annotated[
    Path, typer.Argument(metavar="CHECKPOINT", help="A run's folder, or one of its checkpoints.")
]
FolderArgument = Annotated[Path, typer.Argument(metavar="OUT", help="A new folder.")]
DtypeOption = Annotated[
    str, typer.Option("--dtype", help="Of the weights: auto (as they are), float32 or bfloat16.")
]


@app.command()
def sft(config: ConfigOption, out: OutOption = None) -> None:
    """Supervised fine-tuning, on inferences or on preferred replies.

    Stop it at any time, by Ctrl-C or otherwise: the same command goes on from its newest checkpoint.
    """
    _train("sft", config, out)


@app.command()
def dpo(config: ConfigOption, out: OutOption = None) -> None:
    """Direct preference optimisation, on pairs of inferences or of replies.

    Stop it at any time, by Ctrl-C or otherwise: the same command goes on from its newest checkpoint.
    """
    _train("dpo", config, out)


@app.command()
def grpo(config: ConfigOption, out: OutOption = None) -> None:
    """Multi-turn GRPO, on whole dialogues or with a simulated user.

    Stop it at any time, by Ctrl-C or otherwise: the same command goes on from its newest checkpoint.
    """
    _train("grpo", config, out)


@app.command()
def export(checkpoint: CheckpointArgument, out: FolderArgument, dtype: DtypeOption = "auto") -> None:
    """Make a folder for `personalagent serve` of a trained model; an adapter is merged into its model."""
    _check(NEEDED)
    _become("export", str(checkpoint), str(out), "--dtype", dtype)


def _train(kind: Kind, given: str, out: Path | None) -> NoReturn:
    try:
        config = load(given, kind, out)
    except SettingError as error:
        fail(str(error))
    by_vllm = isinstance(config, GrpoConfig) and config.vllm
    _check((*NEEDED, "vllm") if by_vllm else NEEDED)
    if Path(config.start).is_dir():  # nothing is to be fetched
        os.environ.setdefault("HF_HUB_OFFLINE", "1")
    _become(kind, "--config", given, *(("--out", str(out)) if out else ()))


def _check(needed: tuple[str, ...]) -> None:
    if missing := [name for name in needed if find_spec(name) is None]:
        extra = "serve" if missing == ["vllm"] else "train"
        fail(f'training needs {", ".join(missing)}: pip install "personalagent[{extra}]"')


def _become(script: str, *arguments: str) -> NoReturn:
    """Go on as the script, so that signals reach it."""
    sys.stdout.flush()
    sys.stderr.flush()
    os.execv(sys.executable, [sys.executable, "-m", f"personalagent.training.{script}", *arguments])
