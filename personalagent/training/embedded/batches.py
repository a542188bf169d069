"""Examples as tensors: windows of tokens, the labels their words may have, in batches of like length."""

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple, TypeVar

import torch
from tokenizers import Tokenizer
from torch import Tensor

from personalagent.policies.tags import LABELS, OUTSIDE, begins, first_tokens
from personalagent.policies.tokens import Pieces, encode, pad, pair, words_of
from personalagent.training.embedded.examples import Example, Pair

TOKENS = 1536
"""In a batch, padding included."""
UNSURE = -1
"""A word of which nothing is known."""


Item = TypeVar("Item")


class Target(NamedTuple):
    """A span of a window by its tokens, and the numbers of the slots that it may stand for."""

    row: int
    tokens: tuple[int, ...]
    slots: tuple[int, ...]


class Window(NamedTuple):
    """A window of an example, ready to be batched."""

    pieces: Pieces
    firsts: list[int]
    """The first token of each word."""
    labels: list[int]
    """Of each word; `UNSURE` allows all."""
    targets: list[tuple[tuple[int, ...], tuple[int, ...]]]
    speaks: float


class Batch(NamedTuple):
    """What one step learns from."""

    ids: Tensor
    mask: Tensor
    segments: Tensor
    firsts: Tensor
    """[windows, words]"""
    allowed: Tensor
    """[windows, words, LABELS], boolean."""
    real: Tensor
    """[windows, words], boolean: a word, no padding."""
    targets: list[Target]
    speaks: Tensor


class PairBatch(NamedTuple):
    """Pairs of requests and texts."""

    ids: Tensor
    mask: Tensor
    segments: Tensor
    bears: Tensor
    weights: Tensor


def pair_batches(tokenizer: Tokenizer, pairs: Sequence[Pair], rng: random.Random) -> Iterator[PairBatch]:
    """All pairs once, in random order, those of like length together."""
    encoded = [(pair(tokenizer, one.request, one.text), one) for one in pairs]
    for group in _groups(encoded, lambda item: len(item[0].ids), rng):
        padded = pad([pieces for pieces, _ in group])
        ids, mask, segments = (torch.from_numpy(array) for array in padded)
        yield PairBatch(
            ids,
            mask,
            segments,
            bears=torch.tensor([one.bears for _, one in group]),
            weights=torch.tensor([one.weight for _, one in group]),
        )


def windows(tokenizer: Tokenizer, example: Example, numbers: Mapping[str, int]) -> list[Window]:
    """The example's windows with a label for every word. `numbers` are the slots' places."""
    return [
        _window(pieces, example, numbers)
        for pieces in encode(tokenizer, example.text, example.replying_to, [(0, len(example.text))])
    ]


def batches(all_windows: Sequence[Window], rng: random.Random) -> Iterator[Batch]:
    """All windows once, in random order, those of like length together."""
    groups = _groups(all_windows, lambda window: len(window.pieces.ids), rng)
    yield from (_batch(group) for group in groups)


def _groups(items: Sequence[Item], length: Callable[[Item], int], rng: random.Random) -> list[list[Item]]:
    order = sorted(range(len(items)), key=lambda n: (length(items[n]) // 8, rng.random()))
    groups: list[list[Item]] = [[]]
    width = 0
    for number in order:
        item = items[number]
        width = max(width, length(item))
        if groups[-1] and width * (len(groups[-1]) + 1) > TOKENS:
            groups.append([])
            width = length(item)
        groups[-1].append(item)
    rng.shuffle(groups)
    return [group for group in groups if group]


def _window(pieces: Pieces, example: Example, numbers: Mapping[str, int]) -> Window:
    words = words_of(example.text, pieces.offsets)
    firsts = first_tokens(words)
    labels = [OUTSIDE] * len(firsts)
    targets = []
    for start, end in example.unsure:
        for word in {words[token] for token in _tokens(pieces, start, end)}:
            labels[word] = UNSURE
    for marked in example.marks:
        if tokens := _tokens(pieces, marked.start, marked.end):
            first = begins(marked.mark)
            for place, word in enumerate(sorted({words[token] for token in tokens})):
                labels[word] = first if place == 0 else first + 1
            if slots := tuple(numbers[slot] for slot in marked.slots if slot in numbers):
                targets.append((tokens, slots))
    speaks = float(any(label > OUTSIDE for label in labels))
    speaks = speaks if speaks or not example.unsure else 0.5
    return Window(pieces, firsts, labels, targets, speaks)


def _batch(group: Sequence[Window]) -> Batch:
    padded = pad([window.pieces for window in group])
    longest = max(1, *(len(window.firsts) for window in group))
    firsts = torch.zeros(len(group), longest, dtype=torch.long)
    real = torch.zeros(len(group), longest, dtype=torch.bool)
    allowed = torch.ones(len(group), longest, LABELS, dtype=torch.bool)
    targets: list[Target] = []
    for row, window in enumerate(group):
        firsts[row, : len(window.firsts)] = torch.tensor(window.firsts, dtype=torch.long)
        real[row, : len(window.firsts)] = True
        for place, label in enumerate(window.labels):
            if label != UNSURE:
                allowed[row, place] = False
                allowed[row, place, label] = True
        targets += [Target(row, tokens, slots) for tokens, slots in window.targets]
    ids, mask, segments = (torch.from_numpy(array) for array in padded)
    return Batch(
        ids,
        mask,
        segments,
        firsts=firsts,
        allowed=allowed,
        real=real,
        targets=targets,
        speaks=torch.tensor([window.speaks for window in group]),
    )


def _tokens(pieces: Pieces, start: int, end: int) -> tuple[int, ...]:
    return tuple(n for n, (a, b) in enumerate(pieces.offsets) if b > a and a < end and start < b)
