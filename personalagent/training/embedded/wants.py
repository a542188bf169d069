"""Fitting what requests are after: kinds and slots near to a request, over the frozen encoder's embeddings.

It proposes slots; how likely it finds them, and the reader's verdict (see `pairs`), make their weights.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from personalagent.corpora import gold
from personalagent.policies.model import Floats
from personalagent.policies.slotspace import slot_text, text_key
from personalagent.policies.wants import kind_text
from personalagent.profile.template import Template
from personalagent.training.embedded.pairs import GRADES

Embed = Callable[[Sequence[str]], Floats]
WIDTH = 384
STEPS = 200
RATE = 3e-3
DECAY = 0.15
"""Pull of what is learned towards nothing: the encoder as it is already knows much, and there is little to
learn from."""
CORRECTED = 5.0
"""What a step of the optimiser counts in the corrections of slots."""
UNCORRECTED = 0.3
"""Of the slots, those that a step does without what was learned of each."""
DROP = 0.2
"""Of the numbers of a request's embedding, those that a step does without."""


class Kinds(nn.Module):
    """Requests against the texts of the kinds, and against depending on nobody's preferences."""

    def __init__(self, kinds: int) -> None:
        super().__init__()
        self.correction = nn.Parameter(torch.zeros(kinds, WIDTH))
        self.scale = nn.Parameter(torch.tensor(12.0))
        self.nobody_vector = nn.Parameter(torch.zeros(WIDTH))
        self.nobody = nn.Parameter(torch.tensor(5.0))

    def forward(self, requests: Tensor, texts: Tensor) -> Tensor:
        """[requests, kinds + 1], logits; the last is nobody's."""
        near = requests @ texts.T * self.scale + requests @ self.correction.T
        nobody = requests @ self.nobody_vector + self.nobody
        return torch.cat([near, nobody.unsqueeze(1)], dim=1)


class Needs(nn.Module):
    """Slots by what the request's kinds need, by how near they are to it, and by a correction for each.

    Corrections are dropped at random, so that the rest keeps working alone: a slot that a user adds has
    nothing else.
    """

    def __init__(self, slots: Tensor) -> None:
        super().__init__()
        self.register_buffer("slots", slots)
        self.often = nn.Parameter(torch.zeros(len(slots)))
        self.mix = nn.Parameter(torch.tensor([5.0, 4.0, -5.0]))
        self.correction = nn.Parameter(torch.zeros(len(slots), WIDTH))

    def forward(self, requests: Tensor, by_kind: Tensor) -> Tensor:
        """[requests, slots], logits."""
        slots = self.get_buffer("slots")
        seen = nn.functional.dropout(requests, DROP, self.training)
        near = self.mix[0] * by_kind.sqrt() + self.mix[1] * seen @ slots.T
        corrected = CORRECTED * seen @ self.correction.T + self.often
        kept = torch.rand(len(slots)) >= (UNCORRECTED if self.training else 0.0)
        return near + self.mix[2] + kept * corrected


def fit(embed: Embed, template: Template, seed: int) -> dict[str, npt.NDArray[Any]]:
    """The arrays, by their names in the model's heads."""
    torch.manual_seed(seed)
    asked = gold.requests(None, "train")
    askings = [*gold.askings(), *(gold.Asking(kind=one.kind, request=one.request) for one in asked)]
    kind_texts = [kind_text(kind) for kind in template.requests]
    slot_texts = [slot_text(slot) for slot in template.slots.values()]
    kind_vectors, slot_vectors = torch.from_numpy(embed(kind_texts)), torch.from_numpy(embed(slot_texts))
    kinds = _fit_kinds(embed, template, askings, kind_vectors)
    needs = _fit_needs(
        embed, template, [one for one in asked if one.needs], kinds, kind_vectors, slot_vectors
    )
    return {
        "text_keys": np.array([text_key(text) for text in (*kind_texts, *slot_texts)]),
        "text_vectors": torch.cat([kind_vectors, slot_vectors]).numpy().astype(np.float16),
        "kind_correction": _array(kinds.correction),
        "kind_scale": _array(kinds.scale),
        "nobody_vector": _array(kinds.nobody_vector),
        "nobody": _array(kinds.nobody),
        "need_often": _array(needs.often),
        "need_mix": _array(needs.mix),
        "need_correction": _array(CORRECTED * needs.correction),
    }


def _fit_kinds(embed: Embed, template: Template, askings: Sequence[gold.Asking], texts: Tensor) -> Kinds:
    numbers = {kind.id: number for number, kind in enumerate(template.requests)}
    vectors = torch.from_numpy(embed([one.request for one in askings]))
    right = torch.tensor([len(numbers) if one.kind is None else numbers[one.kind] for one in askings])
    kinds = Kinds(len(numbers))
    _descend(kinds, lambda: nn.functional.cross_entropy(kinds(vectors, texts), right))
    return kinds


def _fit_needs(
    embed: Embed,
    template: Template,
    asked: Sequence[gold.GoldRequest],
    kinds: Kinds,
    kind_texts: Tensor,
    slot_texts: Tensor,
) -> Needs:
    numbers = {slot: number for number, slot in enumerate(template.slots)}
    vectors = torch.from_numpy(embed([one.request for one in asked]))
    wanted = torch.zeros(len(asked), len(numbers))
    for row, one in enumerate(asked):
        for slot, grade in one.needs.items():
            if slot in numbers:
                wanted[row, numbers[slot]] = GRADES[grade]
    table = torch.tensor(
        [
            [slot.needed_for.get(kind.id, 0.0) for slot in template.slots.values()]
            for kind in template.requests
        ]
    )
    with torch.no_grad():
        by_kind = kinds(vectors, kind_texts).softmax(-1)[:, :-1] @ table
    needs = Needs(slot_texts)
    _descend(
        needs,
        lambda: (
            nn.functional.binary_cross_entropy_with_logits(needs(vectors, by_kind), wanted, reduction="sum")
            / len(asked)
        ),
    )
    return needs


def _descend(module: nn.Module, loss: Callable[[], Tensor]) -> None:
    """Full batches: there are a few thousand short vectors."""
    matrices = [p for p in module.parameters() if p.numel() > WIDTH]
    others = [p for p in module.parameters() if p.numel() <= WIDTH]
    groups = [
        {"params": matrices, "weight_decay": DECAY / RATE / 10},
        {"params": others, "weight_decay": 0.0},
    ]
    optimiser = torch.optim.AdamW([group for group in groups if group["params"]], lr=RATE * 3)
    for _ in range(STEPS):
        optimiser.zero_grad()
        value = loss()
        value.backward()
        optimiser.step()


def _array(tensor: Tensor) -> npt.NDArray[Any]:
    return np.asarray(tensor.detach().numpy().astype(np.float16 if tensor.ndim else np.float32))
