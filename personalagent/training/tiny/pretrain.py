"""Pre-training: the replies in full, and a little of what users say, so that words come to mean something."""

import math
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import torch
from torch.nn.functional import cross_entropy
from transformers import PreTrainedTokenizerFast, Qwen3ForCausalLM

from personalagent.training.tiny.texts import Text

OF_PROMPT = 0.1
"""What a token after the list of slots counts in the loss, beside 1 for a token of the reply."""
AGAIN = {"dialogues": 1.25, "requests": 2.0, "together": 1.5}
"""How often an epoch sees the rows of a source; the others once."""
_BUCKET = 512
"""Rows among which rows of like length are put together."""
SLOTS_END = "</slots>\n<profile>\n"


@dataclass(frozen=True)
class Course:
    """How to pre-train: first without the list of slots, which is half of a prompt, then with it."""

    short_epochs: float = 0.75
    epochs: float = 0.4
    tokens: int = 2048
    """Of a batch, padding included."""
    rate: float = 2e-3
    """Of AdamW, for embeddings and norms."""
    muon_rate: float = 0.02
    """Of Muon, for the matrices between."""
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


def without_slots(row: Row) -> Row:
    """The row from the profile on."""
    start = row.weights.index(OF_PROMPT)
    return Row(row.ids[start:], row.weights[start:])


def order(texts: Sequence[Text], lengths: Sequence[int], epochs: float, course: Course) -> list[list[int]]:
    """The batches of some epochs, as places in `texts`; the same for the same course."""
    rng, seen = random.Random(course.seed), []
    for number, text in enumerate(texts):
        times = AGAIN.get(text.source, 1.0) * epochs
        seen += [number] * (int(times) + (rng.random() < times % 1))
    rng.shuffle(seen)
    batches: list[list[int]] = []
    for start in range(0, len(seen), _BUCKET):
        bucket = sorted(seen[start : start + _BUCKET], key=lambda n: lengths[n])
        cut = list(_cut(bucket, lengths, course.tokens))
        rng.shuffle(cut)
        batches += cut
    return batches


def _cut(bucket: Sequence[int], lengths: Sequence[int], tokens: int) -> Iterator[list[int]]:
    """Batches of at most so many tokens, padding included, of rows in the order of their lengths."""
    batch: list[int] = []
    for number in bucket:
        if batch and lengths[number] * (len(batch) + 1) > tokens:
            yield batch
            batch = []
        batch.append(number)
    if batch:
        yield batch


def course_of(
    texts: Sequence[Text], tokenizer: PreTrainedTokenizerFast, course: Course
) -> list[tuple[Row, ...]]:
    """All batches of the course, in their order."""
    rows = [row_of(text, tokenizer) for text in texts]
    short = [without_slots(row) for row in rows]
    found: list[tuple[Row, ...]] = []
    for kind, epochs in ((short, course.short_epochs), (rows, course.epochs)):
        lengths = [len(row.ids) for row in kind]
        found += [tuple(kind[n] for n in batch) for batch in order(texts, lengths, epochs, course)]
    return found


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
    batches = course_of(texts, tokenizer, course)
    optimizers = _optimizers(model, course)
    begin, losses = _resumed(kept, model, optimizers)
    model.train()
    for step in range(begin, len(batches)):
        share = share_of_rate(step, len(batches), course.warm_up)
        loss = _loss(model, batches[step], tokenizer.pad_token_id, course.bf16)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for optimizer in optimizers:
            for group in optimizer.param_groups:
                group["lr"] = group["highest"] * share
            optimizer.step()
            optimizer.zero_grad()
        losses = [*losses[-99:], loss.item()]
        say(step + 1, len(batches), sum(losses) / len(losses))
        if (step + 1) % course.save_every == 0 or step + 1 == len(batches):
            _keep(kept, step + 1, model, optimizers, losses)
    model.eval()
    return sum(losses) / len(losses)


def _optimizers(model: Qwen3ForCausalLM, course: Course) -> list[torch.optim.Optimizer]:
    """Muon (Jordan 2024) for the matrices of the layers, AdamW for the rest."""
    matrices = [one for name, one in model.named_parameters() if one.ndim == 2 and "embed" not in name]
    others = [one for name, one in model.named_parameters() if one.ndim != 2 or "embed" in name]
    muon = [{"params": matrices, "highest": course.muon_rate}]
    adam = [{"params": others, "highest": course.rate}]
    return [
        torch.optim.Muon(muon, lr=course.muon_rate, weight_decay=0.05),
        torch.optim.AdamW(adam, lr=course.rate, betas=(0.9, 0.95), weight_decay=0.01, fused=True),
    ]


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
    kept: Path,
    step: int,
    model: Qwen3ForCausalLM,
    optimizers: Sequence[torch.optim.Optimizer],
    losses: list[float],
) -> None:
    state = {
        "step": step,
        "model": model.state_dict(),
        "optimizers": [one.state_dict() for one in optimizers],
        "losses": losses,
    }
    torch.save(state, f"{kept}.new")
    Path(f"{kept}.new").replace(kept)


def _resumed(
    kept: Path, model: Qwen3ForCausalLM, optimizers: Sequence[torch.optim.Optimizer]
) -> tuple[int, list[float]]:
    if not kept.is_file():
        return 0, []
    state = torch.load(kept, map_location=model.device, weights_only=True)
    model.load_state_dict(state["model"])
    for optimizer, held in zip(optimizers, state["optimizers"], strict=True):
        optimizer.load_state_dict(held)
    return state["step"], state["losses"]
