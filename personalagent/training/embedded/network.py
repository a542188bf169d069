"""The reader: MiniLM with a label for every word, a slot for every span, verdicts on turns and on pairs."""

from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn
from transformers import AutoModel

from personalagent.policies.tags import LABELS

WIDTH = 384
"""Of MiniLM's hidden states."""
SLOT_WIDTH = 256
"""Of the space in which spans meet slots."""


class Read(NamedTuple):
    """What the reader makes of a batch of windows."""

    labels: Tensor
    """[windows, tokens, LABELS], logits."""
    points: Tensor
    """[windows, tokens, SLOT_WIDTH]: the mean over a span, normalised, is compared with the slots."""
    speaks: Tensor
    """[windows], logit of whether the window says anything lasting."""
    bears: Tensor
    """[windows], logit of whether the second segment bears on the request in the first."""


class Reader(nn.Module):
    """The encoder with its three heads; this is what is exported."""

    def __init__(self, weights: Path) -> None:
        super().__init__()
        self.encoder = AutoModel.from_pretrained(
            str(weights), add_pooling_layer=False, attention_probs_dropout_prob=0.0
        )
        self.labels = nn.Sequential(nn.Dropout(0.1), nn.Linear(WIDTH, LABELS))
        self.points = nn.Sequential(nn.Linear(WIDTH, WIDTH), nn.GELU(), nn.Linear(WIDTH, SLOT_WIDTH))
        self.speaks = nn.Sequential(nn.Dropout(0.1), nn.Linear(WIDTH, 1))
        self.bears = nn.Sequential(nn.Linear(WIDTH, WIDTH), nn.Tanh(), nn.Dropout(0.1), nn.Linear(WIDTH, 1))

    def forward(self, ids: Tensor, mask: Tensor, segments: Tensor) -> Read:
        """Ids, mask and segments are [windows, tokens]."""
        hidden = self.encoder(input_ids=ids, attention_mask=mask, token_type_ids=segments).last_hidden_state
        first = hidden[:, 0]
        points = self.points(hidden + first.unsqueeze(1))
        return Read(
            labels=self.labels(hidden),
            points=points,
            speaks=self.speaks(first).squeeze(-1),
            bears=self.bears(first).squeeze(-1),
        )


class SlotSpace(nn.Module):
    """Where the slots lie: a projection of their texts' embeddings, and for known ones a correction.

    The correction is dropped at random, so that the projection alone keeps working: it is all that a slot
    has which a user adds later.
    """

    def __init__(self, texts: Tensor, drop: float = 0.3) -> None:
        super().__init__()
        self.register_buffer("texts", texts)
        self.projection = nn.Linear(texts.shape[1], SLOT_WIDTH)
        self.correction = nn.Parameter(torch.zeros(texts.shape[0], SLOT_WIDTH))
        self.scale = nn.Parameter(torch.tensor(2.7))
        self.drop = drop

    def forward(self) -> Tensor:
        """[slots, SLOT_WIDTH], normalised."""
        keep = 1.0
        if self.training:
            keep = (torch.rand(len(self.texts), 1) >= self.drop).float()
        return nn.functional.normalize(self.projection(self.texts) + keep * self.correction, dim=-1)
