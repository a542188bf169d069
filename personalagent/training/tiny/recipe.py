"""From the corpus to a tiny model that reads turns: pre-training, SFT, GRPO over some seeds, and the figures.

Every stage is kept in its folder: a recipe that was killed goes on where it was.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase

from personalagent.errors import SettingError
from personalagent.policies.embedded import EmbeddedPolicy
from personalagent.policies.policy import Policy
from personalagent.policies.rules import RulePolicy
from personalagent.policies.scripted import ScriptedPolicy
from personalagent.profile.template import Template, load_template
from personalagent.training import grpo, sft
from personalagent.training.config import Recipe as Told
from personalagent.training.config import configured, read
from personalagent.training.episodes import Episode, corpus_histories
from personalagent.training.judging import GoldJudge
from personalagent.training.measure import ModelWriter, figures_of, steps_of_model, steps_of_policy
from personalagent.training.tiny.lessons import every_lesson
from personalagent.training.tiny.network import SIZES, network, parameters
from personalagent.training.tiny.pretrain import Course, pretrain
from personalagent.training.tiny.texts import Text, texts
from personalagent.training.tiny.tokenizer import tokenizer_of

SFT_SOURCES = ("dialogues", "requests")
REPLY_TOKENS = 160
FIGURES = "figures.json"

Say = Callable[[str, int, int], None]
"""Told what is being done, how much of it, and how much there is of it."""


@dataclass(frozen=True)
class Recipe:
    """What goes in, and where it is worked on."""

    work: Path
    laps: Path | None = None
    """The folder of LAPS; without it the model learns from the project's corpus alone."""
    size: str = "cpu"
    config: str = "tiny.toml"
    """For SFT and GRPO."""
    seeds: int = 3
    """Runs of GRPO, each from the same start."""
    course: Course = field(default_factory=Course)
    most: int | None = None
    """Lessons, to try it out with."""


def cook(recipe: Recipe, say: Say, held_out: Sequence[Episode] = ()) -> dict[str, Any]:
    """All stages; returns the figures, which ``work/figures.json`` has too. Raises as the stages do.

    Measured on `held_out`; on the histories of the corpus's test personas, if nothing is given.
    """
    template, told = load_template(), read(recipe.config)
    _claim(recipe)
    taught = _texts(recipe, template, say)
    base = _pretrained(recipe, template, taught, say)
    start = sft.train(configured(_placed(told, recipe, base), "sft"), lambda *_: _rows(taught, _[1]))
    tuned = [
        grpo.train(configured(_placed(told, recipe, start, seed), "grpo"))
        for seed in range(1, recipe.seeds + 1)
    ]
    models = {"sft": start, **{f"grpo-{seed}": folder for seed, folder in enumerate(tuned, 1)}}
    figures = measured(models, held_out or corpus_histories(template, "test"), template, say)
    (recipe.work / FIGURES).write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    return figures


def _claim(recipe: Recipe) -> None:
    """Write down what the model is made of. Raises `SettingError` if the folder holds another one."""
    recipe.work.mkdir(parents=True, exist_ok=True)
    path = recipe.work / "recipe.json"
    settings = {
        "size": recipe.size,
        "laps": recipe.laps is not None,
        "most": recipe.most,
        **asdict(recipe.course),
    }
    before = json.loads(path.read_text("utf-8")) if path.is_file() else settings
    if different := [key for key in settings if before.get(key) != settings[key]]:
        raise SettingError(f"{recipe.work} holds a model with another {different[0]}: name another folder")
    path.write_text(json.dumps(settings, indent=1) + "\n", "utf-8")


def _texts(recipe: Recipe, template: Template, say: Say) -> list[Text]:
    say("gathering lessons", 0, 1)
    taught = every_lesson(template, recipe.laps, recipe.course.seed)[: recipe.most]
    return texts(taught, recipe.work, lambda done: say("writing prompts", done, len(taught)))


def _pretrained(recipe: Recipe, template: Template, taught: Sequence[Text], say: Say) -> Path:
    folder = recipe.work / "base"
    if folder.is_dir():
        return folder
    tokenizer = tokenizer_of(
        (one.prompt.partition("</slots>")[2] + one.completion for one in taught), template
    )
    model = network(tokenizer, SIZES[recipe.size], recipe.course.seed)
    model.to("cuda" if torch.cuda.is_available() else "cpu")

    def advance(done: int, total: int, loss: float) -> None:
        say(f"pre-training {parameters(model) / 1e6:.1f}M parameters (loss {loss:.2f})", done, total)

    pretrain(model, tokenizer, taught, recipe.course, recipe.work / "pretraining.pt", advance)
    part = folder.with_suffix(".part")
    tokenizer.save_pretrained(part)
    model.save_pretrained(part)
    return part.rename(folder)


def _rows(taught: Sequence[Text], part: str) -> list[dict[str, str]]:
    """The corpus's own turns and requests for SFT, rendered already."""
    chosen = [one for one in taught if one.source in SFT_SOURCES] if part == "train" else []
    return [{"prompt": one.prompt, "completion": one.completion} for one in chosen]


def _placed(told: Told, recipe: Recipe, start: Path, seed: int | None = None) -> Told:
    """The recipe's configuration with its stages in their folders, and GRPO with this seed."""
    placed: dict[str, Any] = {"model": told.model.model_copy(update={"path": str(start)})}
    if told.sft:
        placed["sft"] = told.sft.model_copy(update={"out": recipe.work / "sft", "start": ""})
    if told.grpo and seed is not None:
        out = recipe.work / f"grpo-{seed}"
        placed["grpo"] = told.grpo.model_copy(update={"out": out, "start": "", "seed": seed})
    return told.model_copy(update=placed)


def measured(
    models: Mapping[str, Path], held_out: Sequence[Episode], template: Template, say: Say
) -> dict[str, Any]:
    """The figures of models, by their folders, and of the other policies, on the same dialogues."""
    judge = GoldJudge(template)
    found: dict[str, Any] = {}
    others: dict[str, Policy] = {"silent": ScriptedPolicy()}
    others |= {"rules": RulePolicy(), "embedded": EmbeddedPolicy()}
    for number, (name, policy) in enumerate(others.items()):
        say(f"measuring {name}", number, len(others) + len(models))
        found[name] = figures_of(steps_of_policy(policy, held_out, template), judge)
    for number, (name, folder) in enumerate(models.items(), len(others)):
        say(f"measuring {name}", number, len(others) + len(models))
        model, tokenizer = AutoModelForCausalLM.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
        model.to("cuda" if torch.cuda.is_available() else "cpu")
        found[name] = _figures(model, tokenizer, held_out, template)
    return found


def _figures(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    held_out: Sequence[Episode],
    template: Template,
) -> dict[str, Any]:
    """Of the likeliest replies; `exact_sampled` of sampled ones, as in GRPO."""
    judge, found = GoldJudge(template), {}
    for sample in (False, True):
        torch.manual_seed(1)
        writer = ModelWriter(model, tokenizer, reply_tokens=REPLY_TOKENS, sample=sample)
        found[sample] = figures_of(steps_of_model(writer, held_out, template), judge)
    return {**found[False], "exact_sampled": found[True]["exact"], "parameters": parameters(model)}
