"""The frame around the training scripts: a folder that a run can be killed in at any time, and goes on in.

out/config.json      what the run was told at first; the same command goes on, another is refused
out/checkpoint-N/    the newest two
out/metrics.jsonl    a JSON object for each step that was logged, and metrics.png
out/model/           what came of it: there once the run has finished
"""

import argparse
import json
import os
import re
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

import torch
from datasets import Dataset
from peft import LoraConfig
from peft.utils import NoMatchingPeftModuleError
from safetensors import SafetensorError
from transformers import AutoTokenizer, PreTrainedTokenizerBase, PrinterCallback, Trainer
from transformers.utils import logging

from personalagent.errors import PersonalAgentError, PolicyError, SettingError
from personalagent.profile.template import Template
from personalagent.training.checkpoints import newest_whole, steps
from personalagent.training.config import Config, GrpoConfig, Kind, Model, Source
from personalagent.training.rows import Part
from personalagent.training.watching import Bar, JsonLines, Stops, say

_MATTERS_NOT = re.compile(
    r".*\.(out|save_steps|logging_steps)|judge\.(url|at_once|seconds|patience)|vllm(\..*)?"
)
"""Keys that a run may go on with other values of: a judge may have moved."""
NO_THINKING = {"enable_thinking": False}
"""For chat templates of models that may think first: what serving says, too."""
Rows = Callable[[Source, Part, Template], Sequence[Mapping[str, Any]]]
"""What makes the rows of a part of a source."""


MODEL = "model"


class Run(NamedTuple):
    """A run's folder, and where in it to go on."""

    out: Path
    checkpoint: Path | None

    @property
    def model(self) -> Path:
        """Where the trained model, or adapter, goes."""
        return self.out / MODEL

    @property
    def finished(self) -> bool:
        """Whether the trained model is there."""
        return self.model.is_dir()


def begin(config: Config) -> Run:
    """The run's folder, made if there is none, once it is sure that this run may go on in it.

    Raises `SettingError` if the folder is another run's or cannot be one, if the device is not there, or if
    the rows of a step cannot be shared among the devices.
    """
    check_device(config.model)
    if isinstance(config, GrpoConfig) and config.vllm and on_cpu(config.model):
        raise SettingError("[vllm] needs a GPU, but training is on the CPU")
    _accumulated(config)
    out = config.train.out
    if is_main():
        _claim(out, config.settings())
    run = Run(out, newest_whole(out))
    if is_main() and not run.finished and run.checkpoint:
        say(f"going on from {run.checkpoint}")
    return run


def training_arguments(config: Config, *, evaluates: bool) -> dict[str, Any]:
    """The arguments that TRL's configurations for SFT, DPO and GRPO share; `evaluates`: after each epoch."""
    train = config.train
    cpu = on_cpu(config.model)
    return {
        "output_dir": str(train.out),
        "model_init_kwargs": {"dtype": config.model.dtype},
        "num_train_epochs": train.epochs,
        "max_steps": train.max_steps or -1,
        "per_device_train_batch_size": train.micro_batch_size,
        "per_device_eval_batch_size": train.micro_batch_size,
        "gradient_accumulation_steps": _accumulated(config),
        "learning_rate": train.learning_rate,
        "lr_scheduler_type": train.lr_scheduler,
        "warmup_steps": train.warmup_ratio,
        "weight_decay": train.weight_decay,
        "max_grad_norm": train.max_grad_norm,
        "gradient_checkpointing": train.gradient_checkpointing,
        "seed": train.seed,
        "logging_steps": train.logging_steps,
        "save_strategy": "steps",
        "save_steps": train.save_steps,
        "save_total_limit": 2,
        "eval_strategy": "epoch" if evaluates else "no",
        "bf16": not cpu,
        "use_cpu": cpu,
        "report_to": "none",
        "disable_tqdm": True,
    }


def tokenizer_of(config: Config) -> PreTrainedTokenizerBase:
    """The model's tokenizer. Raises `SettingError` if it cannot be had, or has no chat template."""
    logging.disable_progress_bar()
    try:
        tokenizer = AutoTokenizer.from_pretrained(config.start)
    except (OSError, ValueError) as error:
        raise SettingError(f"the model {config.start} cannot be loaded: {first_line(error)}") from error
    if not tokenizer.chat_template:
        raise SettingError(
            f"the model {config.start} has no chat template: it is none that follows instructions"
        )
    return tokenizer


@contextmanager
def loading(config: Config) -> Iterator[None]:
    """Around the making of a trainer: `SettingError` if the model lacks weights, or layers for an adapter."""
    try:
        yield
    except NoMatchingPeftModuleError as error:
        raise SettingError(f"lora.targets: {first_line(error)}") from error
    except (OSError, SafetensorError) as error:
        raise SettingError(f"the model {config.start} cannot be loaded: {first_line(error)}") from error


def adapter_of(config: Config) -> LoraConfig | None:
    """The adapter to train in place of all weights, if one is asked for."""
    if not (lora := config.lora):
        return None
    return LoraConfig(
        r=lora.rank,
        lora_alpha=lora.alpha,
        lora_dropout=lora.dropout,
        target_modules=lora.targets,
        task_type="CAUSAL_LM",
    )


def dataset(rows: Sequence[Mapping[str, Any]]) -> Dataset:
    """The rows as TRL takes them, to be rendered without thinking."""
    return Dataset.from_list([{**row, "chat_template_kwargs": NO_THINKING} for row in rows])


def complete(trainer: Trainer, run: Run, stops: Stops | None = None) -> Path:
    """Train to the end, from the run's checkpoint if it has one; returns the folder of what came of it.

    Ends the process with 130 or 143 on SIGINT or SIGTERM, and raises `PolicyError` with the reason if `stops`
    was asked to; in either case after a step and with a checkpoint.
    """
    stops, bar = stops or Stops(), Bar()
    metrics = JsonLines(run.out / "metrics.jsonl", run.out / "metrics.png")
    trainer.remove_callback(PrinterCallback)
    for callback in (metrics, bar, stops):
        trainer.add_callback(callback)
    try:
        with stops.listening():
            trainer.train(resume_from_checkpoint=str(run.checkpoint) if run.checkpoint else None)
    finally:
        bar.close()
    if stops.why or trainer.state.global_step < trainer.state.max_steps:
        _stopped(stops, newest_whole(run.out))
    part = run.model.with_suffix(".part")
    trainer.save_model(str(part))
    trainer.accelerator.wait_for_everyone()
    if is_main():
        part.replace(run.model)
        say(f"finished: {run.model}")
    return run.model


def on_cpu(model: Model) -> bool:
    """Whether the model is trained on the CPU."""
    return model.device == "cpu" or not torch.cuda.is_available()


def check_device(model: Model) -> None:
    """Raises `SettingError` if the device is not there, or several are and nobody shares the work out."""
    if model.device == "cuda" and not torch.cuda.is_available():
        raise SettingError('model.device is "cuda", but there is no GPU that torch can use; "cpu" needs none')
    if not on_cpu(model) and "WORLD_SIZE" not in os.environ and torch.cuda.device_count() > 1:
        raise SettingError(
            f"there are {torch.cuda.device_count()} GPUs: start the script by `accelerate launch -m`, or set "
            "CUDA_VISIBLE_DEVICES to one"
        )


def is_main() -> bool:
    """Whether this process is the first, or only, one: the one that writes."""
    return os.environ.get("RANK", "0") == "0"


def first_line(error: Exception) -> str:
    """The first line of what a library says."""
    return next(iter(str(error).splitlines()), type(error).__name__)


def options(kind: Kind, about: str, arguments: Sequence[str] | None) -> argparse.Namespace:
    """What a script's command line says: `config`, and `out` or None."""
    parser = argparse.ArgumentParser(prog=f"python -m personalagent.training.{kind}", description=about)
    parser.add_argument("--config", required=True, metavar="FILE", help="a path, or a name that ships")
    parser.add_argument("--out", type=Path, metavar="DIR", help="the run's folder, in place of the file's")
    return parser.parse_args(arguments)


def ending(work: Callable[[], object]) -> None:
    """Do a script's work; an expected error is one line on stderr and exit code 2."""
    warnings.simplefilter("ignore", FutureWarning)  # of the names that the libraries use of each other
    try:
        work()
    except PersonalAgentError as error:
        say(f"error: {error}")
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)


def _accumulated(config: Config) -> int:
    """How often a device takes its micro batch for an optimiser step."""
    train, devices = config.train, int(os.environ.get("WORLD_SIZE", "1"))
    times, rest = divmod(train.rows, train.micro_batch_size * devices)
    if rest:
        raise SettingError(
            f"{config.kind}.micro_batch_size: {devices} devices cannot share {train.rows} rows a step, "
            f"{train.micro_batch_size} at a time each"
        )
    return times


def _claim(out: Path, settings: dict[str, Any]) -> None:
    """Write down what the run is told. Raises `SettingError` if the folder holds another run's work."""
    path = out / "config.json"
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SettingError(f"{out} cannot be the run's folder: {error.strerror}") from error
    if any(out.glob("checkpoint-*")) or (out / MODEL).exists():
        try:
            before = json.loads(path.read_bytes())
        except (OSError, ValueError):
            raise SettingError(f"{out} holds another run; name another folder by --out") from None
        if different := _difference(before, settings):
            raise SettingError(f"{out} holds a run with {different}; name another folder by --out")
        return
    part = path.with_suffix(".part")
    part.write_text(json.dumps(settings, indent=2) + "\n", "utf-8")
    part.replace(path)


def _difference(before: dict[str, Any], now: dict[str, Any]) -> str:
    """The first key with another value, and both values; empty if there is none that matters."""
    old, new = dict(_flat(before)), dict(_flat(now))
    for key in [*new, *old]:
        if old.get(key) != new.get(key) and not _MATTERS_NOT.fullmatch(key):
            return f"{key} = {json.dumps(old.get(key))}, not {json.dumps(new.get(key))}"
    return ""


def _flat(value: dict[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    for key, one in value.items():
        if isinstance(one, dict):
            yield from _flat(one, f"{before}{key}.")
        else:
            yield f"{before}{key}", one


def _stopped(stops: Stops, checkpoint: Path | None) -> NoReturn:
    at = f"stopped after step {steps(checkpoint)}" if checkpoint else "stopped"
    if not stops.why:
        say(f"{at}; the same command goes on from there")
        sys.exit(128 + stops.signal)
    raise PolicyError(f"{stops.why}; {at}, and the same command goes on from there")
