"""What a training run is told, in one TOML file: tables for what is shared, and one for each kind of run.

`[model]` and `[data]` must be there, and the table of the kind that is run: `[sft]`, `[dpo]` or `[grpo]`.
`[lora]`, `[judge]` and `[vllm]` may be. Relative paths are those of the folder that the run is started in.
"""

import json
import re
import tomllib
from importlib.resources import files
from pathlib import Path
from typing import Any, ClassVar, Literal, Self, overload

from pydantic import Field, ValidationError, model_validator

from personalagent.dialogue import Frozen
from personalagent.errors import SettingError

Kind = Literal["sft", "dpo", "grpo"]

CONFIGS = files("personalagent.training") / "configs"
"""The folder of what ships, with `fsdp2.yaml` for several GPUs."""
_HUB_NAME = re.compile(r"[\w-][\w.-]*(/[\w.-]+)?")


class Model(Frozen):
    """The model that is trained, and on what."""

    path: str = Field(description="a folder, or a name on the Hugging Face Hub")
    dtype: Literal["float32", "bfloat16"] = Field(
        "float32", description="of the weights as they are held; a GPU computes in bfloat16 in either case"
    )
    device: Literal["auto", "cpu", "cuda"] = "auto"


class Source(Frozen):
    """The dialogues that are trained on."""

    kind: Literal["corpus", "aloe", "laps"] = Field(description="`corpus` is the project's own, and ships")
    path: Path | None = Field(None, description="file or folder of ALOE or LAPS")
    what: Literal["inferences", "replies"] = Field(
        "inferences", description="what SFT and DPO teach: the reading of turns, or ALOE's replies to them"
    )
    held_out: float = Field(0.1, gt=0, lt=1, description="share of the personas that is not trained on")
    seed: int = 1
    most: int | None = Field(None, ge=1, description="at most so many rows, or dialogues for GRPO")
    windows: bool = Field(False, description="cut dialogues that are longer than GRPO's `turns`")

    @model_validator(mode="after")
    def _named(self) -> Self:
        if (self.path is None) != (self.kind == "corpus"):
            raise ValueError("a path goes with aloe and laps, and with them only")
        if self.what == "replies" and self.kind != "aloe":
            raise ValueError("only aloe has replies that are preferred and rejected")
        return self


class Lora(Frozen):
    """Low-rank adapters in place of all weights."""

    rank: int = Field(32, ge=1)
    alpha: int = Field(64, ge=1)
    dropout: float = Field(0.0, ge=0, lt=1)
    targets: str = Field("all-linear", description="which layers, as peft takes it")


class Training(Frozen):
    """What all kinds of training share."""

    out: Path = Field(description="folder of the run: checkpoints, metrics and, in `model`, what comes of it")
    start: str = Field("", description="the model to start from, where that is not the one of [model]")
    epochs: float = Field(1, gt=0)
    max_steps: int | None = Field(None, ge=1, description="optimiser steps, in place of epochs")
    batch_size: int = Field(32, ge=1, description="of an optimiser step, on all devices together")
    micro_batch_size: int = Field(1, ge=1, description="rows that a device holds at a time")
    learning_rate: float = Field(gt=0)
    lr_scheduler: Literal["constant", "constant_with_warmup", "linear", "cosine"] = "cosine"
    warmup_ratio: float = Field(0.0, ge=0, lt=1)
    weight_decay: float = Field(0.0, ge=0)
    max_grad_norm: float = Field(1.0, gt=0)
    gradient_checkpointing: bool = False
    seed: int = Field(1, ge=0)
    save_steps: int = Field(50, ge=1)
    logging_steps: int = Field(1, ge=1)

    @property
    def rows(self) -> int:
        """The rows of an optimiser step."""
        return self.batch_size

    @model_validator(mode="after")
    def _divisible(self) -> Self:
        if self.rows % self.micro_batch_size:
            raise ValueError(f"micro_batch_size must divide the {self.rows} rows of a step")
        return self


class Sft(Training):
    """Supervised fine-tuning; a batch is of turns."""

    max_length: int = Field(2560, ge=16, description="tokens of prompt and completion; longer ones are cut")


class Dpo(Training):
    """Direct preference optimisation; a batch is of pairs."""

    beta: float = Field(0.1, gt=0)
    max_length: int = Field(2560, ge=16, description="tokens of prompt and completion; longer ones are cut")


class Grpo(Training):
    """Multi-turn GRPO (paper, Eq. 5); a batch is of dialogues, each rolled out `num_generations` times."""

    mode: Literal["dialogues", "simulated"] = Field(
        "dialogues", description="`simulated` is RLPA: with a simulated user"
    )
    turns: int = Field(10, ge=1, description="T of the paper: the most that a dialogue has")
    num_generations: int = Field(6, ge=2, description="rollouts G of a dialogue")
    beta: float = Field(0.01, ge=0, description="of the KL penalty")
    epsilon: float = Field(0.2, gt=0, description="of the clipping")
    loss_type: Literal["grpo", "dapo"] = "grpo"
    max_prompt_length: int = Field(2048, ge=16)
    max_completion_length: int = Field(512, ge=8, description="of a turn")
    temperature: float = Field(1.0, gt=0)
    top_p: float = Field(1.0, gt=0, le=1)
    reward: Literal["judge", "bleu", "f1"] = "judge"
    weights: tuple[float, ...] | None = Field(
        None, description="w_j of Eq. 4, of each turn; equal if not given"
    )

    @property
    def rows(self) -> int:
        """The rows of an optimiser step: one for each turn of each rollout."""
        return self.batch_size * self.num_generations * self.turns

    @model_validator(mode="after")
    def _weighed(self) -> Self:
        if self.weights is not None:
            if len(self.weights) != self.turns:
                raise ValueError(f"there are {len(self.weights)} weights for {self.turns} turns")
            if min(self.weights) < 0 or not sum(self.weights):
                raise ValueError("weights must not be negative, nor all be 0")
        return self


class Judge(Frozen):
    """Who rewards an inference: the gold operations, or a language model behind a server."""

    kind: Literal["gold", "model"] = "gold"
    name: str = Field("", description="openai:NAME or vllm:NAME")
    url: str = Field("", description="its server; the provider's own if none is given")
    at_once: int = Field(32, ge=1, description="calls under way at a time")
    seconds: float = Field(60, gt=0, description="for a call")
    patience: float = Field(600, ge=0, description="seconds to wait for a judge that cannot be reached")

    @model_validator(mode="after")
    def _named(self) -> Self:
        provider, _, name = self.name.partition(":")
        if self.kind == "gold":
            if self.name or self.url:
                raise ValueError("name and url go with the kind model")
        elif provider not in ("openai", "vllm") or not name:
            raise ValueError(f"name must be openai:NAME or vllm:NAME, not {self.name!r}")
        return self


class Vllm(Frozen):
    """Generation by vLLM instead of transformers (GRPO only), as TRL offers it."""

    mode: Literal["colocate", "server"] = "colocate"
    url: str = Field("", description="of the server, which `trl vllm-serve` starts")
    gpu_memory_utilization: float = Field(0.3, gt=0, le=1)
    tensor_parallel_size: int = Field(1, ge=1)
    sleep: bool = Field(False, description="free the GPU's memory while training")

    @model_validator(mode="after")
    def _addressed(self) -> Self:
        if bool(self.url) != (self.mode == "server"):
            raise ValueError("a url goes with the mode server, and with it only")
        return self


class Recipe(Frozen):
    """A whole file."""

    model: Model
    data: Source
    lora: Lora | None = None
    sft: Sft | None = None
    dpo: Dpo | None = None
    grpo: Grpo | None = None
    judge: Judge = Judge()
    vllm: Vllm | None = None


class _Config(Frozen):
    kind: ClassVar[Kind]
    model: Model
    data: Source
    lora: Lora | None
    train: Training

    @property
    def start(self) -> str:
        """The model that training starts from: a folder, or a name on the hub."""
        return self.train.start or self.model.path

    def settings(self) -> dict[str, Any]:
        """All settings, JSON-native, by the tables of the file."""
        said = self.model_dump(mode="json", exclude={"train"})
        return {**said, self.kind: self.train.model_dump(mode="json")}


class SftConfig(_Config):
    """What `sft` is told."""

    kind = "sft"
    train: Sft


class DpoConfig(_Config):
    """What `dpo` is told."""

    kind = "dpo"
    train: Dpo


class GrpoConfig(_Config):
    """What `grpo` is told."""

    kind = "grpo"
    train: Grpo
    judge: Judge
    vllm: Vllm | None


Config = SftConfig | DpoConfig | GrpoConfig


def shipped() -> tuple[str, ...]:
    """The names of the files that come with the package."""
    return tuple(sorted(one.name for one in CONFIGS.iterdir() if one.name.endswith(".toml")))


def read(given: str | Path) -> Recipe:
    """The recipe in a file: at a path or, if there is none, of this name in the package.

    Raises `SettingError`, which names the file and the key.
    """
    try:
        table = tomllib.loads(_text(given))
        # from JSON: a tuple may then be given as a list, and yet no text passes for a number
        return Recipe.model_validate_json(json.dumps(table, default=str), strict=True)
    except ValidationError as error:
        raise SettingError(f"{given}: {_reason(error)}") from None
    except (OSError, UnicodeError, tomllib.TOMLDecodeError) as error:
        raise SettingError(f"{given}: {error}") from error


@overload
def load(given: str | Path, kind: Literal["sft"], out: Path | None = None) -> SftConfig: ...
@overload
def load(given: str | Path, kind: Literal["dpo"], out: Path | None = None) -> DpoConfig: ...
@overload
def load(given: str | Path, kind: Literal["grpo"], out: Path | None = None) -> GrpoConfig: ...
@overload
def load(given: str | Path, kind: Kind, out: Path | None = None) -> Config: ...
def load(given: str | Path, kind: Kind, out: Path | None = None) -> Config:
    """What a run of this kind is told by a file, its folder replaced by `out` if that is given.

    Raises `SettingError`, which names the file and the key; also for a model or data that are not there.
    """
    config = configured(read(given), kind, given)
    if out is not None:
        config = config.model_copy(update={"train": config.train.model_copy(update={"out": out})})
    try:
        _check(config)
    except ValueError as error:
        raise SettingError(f"{given}: {error}") from None
    return config


@overload
def configured(recipe: Recipe, kind: Literal["sft"], name: str | Path = ...) -> SftConfig: ...
@overload
def configured(recipe: Recipe, kind: Literal["dpo"], name: str | Path = ...) -> DpoConfig: ...
@overload
def configured(recipe: Recipe, kind: Literal["grpo"], name: str | Path = ...) -> GrpoConfig: ...
@overload
def configured(recipe: Recipe, kind: Kind, name: str | Path = ...) -> Config: ...
def configured(recipe: Recipe, kind: Kind, name: str | Path = "the recipe") -> Config:
    """What a recipe tells a run of this kind. Raises `SettingError` if it has no table for it."""
    train = getattr(recipe, kind)
    if train is None:
        raise SettingError(f"{name}: there is no table [{kind}]")
    shared: dict[str, Any] = {"model": recipe.model, "data": recipe.data, "lora": recipe.lora, "train": train}
    if kind == "grpo":
        return GrpoConfig(**shared, judge=recipe.judge, vllm=recipe.vllm)
    return SftConfig(**shared) if kind == "sft" else DpoConfig(**shared)


def _check(config: Config) -> None:
    """Raises `ValueError` for a model or data that cannot be there."""
    key = f"{config.kind}.start" if config.train.start else "model.path"
    folder = Path(config.start)
    if not folder.is_dir() and not _HUB_NAME.fullmatch(config.start):
        raise ValueError(f"{key}: there is no folder {config.start}")
    if (folder / "adapter_config.json").exists():
        raise ValueError(f"{key}: {config.start} is an adapter; `personalagent train export` merges it")
    if config.data.path and not config.data.path.exists():
        raise ValueError(f"data.path: there is no file or folder {config.data.path}")
    if isinstance(config, GrpoConfig):
        _check_judged(config, config.train)


def _check_judged(config: GrpoConfig, train: Grpo) -> None:
    kind, judge = config.data.kind, config.judge.kind
    if train.mode == "simulated":  # users of the corpus, whose rewards are their own
        goes = {'data.kind = "corpus"': kind == "corpus", 'judge.kind = "gold"': judge == "gold"}
        goes |= {'reward = "judge"': train.reward == "judge", "no weights": train.weights is None}
        if wrong := [name for name, kept in goes.items() if not kept]:
            raise ValueError(f"grpo.mode: simulated goes with {' and '.join(wrong)} only")
    elif kind == "aloe" and judge == "gold":
        raise ValueError("judge.kind: ALOE's gold is prose, which only a model can judge")


def _text(given: str | Path) -> str:
    if (path := Path(given)).is_file():
        return path.read_text("utf-8")
    if str(given) not in shipped():
        raise SettingError(f"there is no file {given}; those that ship are {', '.join(shipped())}")
    return (CONFIGS / str(given)).read_text("utf-8")


def _reason(error: ValidationError) -> str:
    """The first thing that is wrong, and its key."""
    wrong = error.errors(include_url=False)
    first = next((one for one in wrong if one["type"] == "extra_forbidden"), wrong[0])  # a typo hides a key
    key = ".".join(str(part) for part in first["loc"])
    match first["type"]:
        case "extra_forbidden":
            return f"there is no key {key}"
        case "missing":
            return f"the key {key} is missing"
        case "value_error":
            return f"{key}: {first['ctx']['error']}"
    given = first["input"]
    said = f" {json.dumps(given)}" if isinstance(given, str | int | float | bool) else ""
    return f"{key}{said}: {first['msg'][:1].lower()}{first['msg'][1:]}"
