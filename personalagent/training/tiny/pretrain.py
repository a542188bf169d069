"""Pre-training: the replies in full, and a little of what users say, so that words come to mean something."""

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import torch
from torch.nn.functional import cross_entropy
from transformers import PreTrainedTokenizerFast, Qwen3ForCausalLM

from personalagent.training.tiny.texts import Text

OF_PROMPT = 0.1
"""What a token after the list of slots counts in the loss, beside 1 for a token of the reply."""
AGAIN = {"dialogues": 2.5, "requests": 2.0, "together": 1.5}
"""How often an epoch sees the rows of a source; the others once."""
_BUCKET = 32
"""Batches of rows among which rows of like length are put together."""
SLOTS_END = "</slots>\n<profile>\n"


@dataclass(frozen=True)
class Course:
    """How to pre-train."""

    epochs: float = 0.6
    batch: int = 16
    rate: float = 1.5e-3
    warm_up: int = 100
    seed: int = 1
    save_every: int = 200
    bf16: bool = True


class Row(NamedTuple):
    """Token ids, and what each counts in the loss."""

    ids: list[int]
    weights: list[float]


def row_of(text: Text, tokenizer: PreTrainedTokenizerFast) -> Row:
    """The row of a text: the instructions and the slots count nothing."""
    head, mark, rest = text.prompt.partition(SLOTS_END)
    parts = ((head + mark, 0.0), (rest, OF_PROMPT), (text.completion, 1.0))
    ids: list[int] = []
    weights: list[float] = []
    for part, weight in parts:
        found = tokenizer(part)["input_ids"]
        ids += found
        weights += [weight] * len(found)
    return Row(ids, weights)


def order(texts: Sequence[Text], course: Course, lengths: Sequence[int]) -> list[list[int]]:
    """The batches of the whole course, as places in `texts`; the same for the same course."""
    rng, seen = random.Random(course.seed), []
    for number, text in enumerate(texts):
        times = AGAIN.get(text.source, 1.0) * course.epochs
        seen += [number] * (int(times) + (rng.random() < times % 1))
    rng.shuffle(seen)
    batches: list[list[int]] = []
    for start in range(0, len(seen), _BUCKET * course.batch):
        bucket = sorted(seen[start : start + _BUCKET * course.batch], key=lambda n: lengths[n])
        cut = [bucket[at : at + course.batch] for at in range(0, len(bucket), course.batch)]
        rng.shuffle(cut)
        batches += cut
    return batches


def pretrain(
    model: Qwen3ForCausalLM,
    tokenizer: PreTrainedTokenizerFast,
    texts: Sequence[Text],
    course: Course,
    kept: Path,
    say: Callable[[int, int, float], None],
) -> float:
    """Teach the model the texts; returns the mean loss of the last hundred batches.

    `kept` holds the state every `save_every` batches: a course that was killed goes on from there.
    """
    rows = [row_of(text, tokenizer) for text in texts]
    batches = order(texts, course, [len(row.ids) for row in rows])
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=course.rate, betas=(0.9, 0.95), weight_decay=0.05, fused=True
    )
    begin, losses = _resumed(kept, model, optimizer)
    model.train()
    for step in range(begin, len(batches)):
        for group in optimizer.param_groups:
            group["lr"] = course.rate * share_of_rate(step, len(batches), course.warm_up)
        loss = _loss(model, [rows[n] for n in batches[step]], tokenizer.pad_token_id, course.bf16)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        losses = [*losses[-99:], loss.item()]
        say(step + 1, len(batches), sum(losses) / len(losses))
        if (step + 1) % course.save_every == 0 or step + 1 == len(batches):
            _keep(kept, step + 1, model, optimizer, losses)
    model.eval()
    return sum(losses) / len(losses)


def share_of_rate(step: int, steps: int, warm_up: int) -> float:
    """Of the learning rate: up in a line, then down to a twentieth along a cosine."""
    return min(1.0, (step + 1) / warm_up) * (0.05 + 0.475 * (1 + math.cos(math.pi * step / steps)))


def _loss(model: Qwen3ForCausalLM, rows: Sequence[Row], pad: int, bf16: bool) -> torch.Tensor:
    """The weighted mean of the tokens' losses."""
    longest, device = max(len(row.ids) for row in rows), model.device
    ids = torch.full((len(rows), longest), pad)
    weights = torch.zeros((len(rows), longest))
    for number, row in enumerate(rows):
        ids[number, : len(row.ids)] = torch.tensor(row.ids)
        weights[number, : len(row.ids)] = torch.tensor(row.weights)
    ids, weights = ids.to(device), weights.to(device)
    with torch.autocast(device.type, torch.bfloat16, enabled=bf16):
        # no mask: the padding stands at the end, where nothing that counts looks
        hidden = model.model(input_ids=ids).last_hidden_state[:, :-1]
        counted = weights[:, 1:] > 0
        logits = model.lm_head(hidden[counted])
    losses = cross_entropy(logits.float(), ids[:, 1:][counted], reduction="none")
    share = weights[:, 1:][counted]
    return (losses * share).sum() / share.sum()


def _keep(
    kept: Path, step: int, model: Qwen3ForCausalLM, optimizer: torch.optim.Optimizer, losses: list[float]
) -> None:
    state = {"step": step, "model": model.state_dict(), "optimizer": optimizer.state_dict(), "losses": losses}
    torch.save(state, f"{kept}.new")
    Path(f"{kept}.new").replace(kept)


def _resumed(
    kept: Path, model: Qwen3ForCausalLM, optimizer: torch.optim.Optimizer
) -> tuple[int, list[float]]:
    if not kept.is_file():
        return 0, []
    state = torch.load(kept, map_location=model.device, weights_only=True)
    model.load_state_dict(state["model"])
    optimizer.load_state_dict(state["optimizer"])
    return state["step"], state["losses"]
