"""Which slot a span of words stands for: the nearest in the space that the reader learned (dual encoder)."""

import hashlib
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from personalagent.policies.model import Floats, Model, unit
from personalagent.profile.template import Slot, Template, load_template

ADDED = 1.5
"""What a slot that the user added has over those that ship, in log odds: it is there because it matters. Set
on dev, each value's own slot taken for an added one, and others for added ones that it must not go to."""


class Match(NamedTuple):
    """The slot of the template that fits a span best, its share of the probability, and each slot's share."""

    slot: Slot
    share: float
    shares: Floats
    """[slots]; what is missing from a whole lies with slots that ship and the template lacks."""


def slot_text(slot: Slot) -> str:
    """What the encoder reads of a slot."""
    return f"{slot.name}. {slot.description} {'; '.join(slot.examples)}"


def text_key(text: str) -> str:
    """By which a text's stored vector is found again; a changed description is encoded anew."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def raised(slots: Sequence[Slot]) -> Floats:
    """What each slot has over those that ship, in log odds: `ADDED`, or nothing."""
    shipped = load_template().slots
    return np.array([0.0 if slot.id in shipped else ADDED for slot in slots], np.float32)


class SlotSpace:
    """The slots of one template as vectors; those that did not ship are encoded here, without training."""

    def __init__(self, template: Template, model: Model) -> None:
        heads = model.heads
        self.slots = tuple(template.slots.values())
        self.numbers = {slot.id: number for number, slot in enumerate(self.slots)}
        self._scale = float(heads["slot_scale"])
        stored = dict(zip(heads["slot_keys"].tolist(), heads["slot_vectors"], strict=True))
        texts = [slot_text(slot) for slot in self.slots]
        missing = [text for text in texts if text_key(text) not in stored]
        projected = model.embed(missing) @ heads["slot_projection"].T + heads["slot_bias"]
        known = stored | dict(zip(map(text_key, missing), unit(projected), strict=True))
        shipped = load_template().slots.values()
        lacking = [slot_text(slot) for slot in shipped if slot.id not in self.numbers]
        keys = [key for text in (*texts, *lacking) if (key := text_key(text)) in known]
        self.vectors: Floats = np.stack([known[key] for key in keys])
        self._raised = np.zeros(len(keys), np.float32)
        self._raised[: len(self.slots)] = raised(self.slots)

    def match(self, points: Floats) -> Match:
        """The slot nearest to the mean of the points [tokens, width]."""
        shares = self.shares(unit(points.mean(axis=0)))
        best = int(shares.argmax())
        return Match(self.slots[best], float(shares[best]), shares)

    def shares(self, points: Floats) -> Floats:
        """Each slot's share of the probability at points of length one, [..., width] to [..., slots]."""
        nearness = points @ self.vectors.T * self._scale + self._raised
        raised = np.exp(nearness - nearness.max(axis=-1, keepdims=True))
        shares: Floats = raised[..., : len(self.slots)] / raised.sum(axis=-1, keepdims=True)
        return shares

    def share(self, match: Match, slot_id: str) -> float:
        """How likely the span stands for this slot."""
        return float(match.shares[self.numbers[slot_id]]) if slot_id in self.numbers else 0.0

    def category(self, match: Match) -> str:
        """The category in which most of the probability lies."""
        mass: dict[str, float] = {}
        for slot, share in zip(self.slots, match.shares, strict=True):
            mass[slot.category] = mass.get(slot.category, 0.0) + float(share)
        return max(mass, key=lambda category: mass[category])
