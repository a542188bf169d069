"""What a request depends on: its kinds by meaning, the slots that such requests need, slots near to it."""

import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from personalagent.policies.chances import chance
from personalagent.policies.language import is_english
from personalagent.policies.model import WIDTH, Floats, Model
from personalagent.policies.slotspace import raised, slot_text, text_key
from personalagent.profile.preference import Need
from personalagent.profile.template import RequestKind, Slot, Template

MOST_NEEDS = 8
CANDIDATES = 16
"""Slots that the reader looks at for a request."""
_WORD = re.compile(r"\w")
"""Emoji are all one to the encoder; what it makes of them differs from one processor to the next."""
LONGEST_REQUEST = 400
"""Words; a longer message is a text to work on, no question of taste."""


class Considered(NamedTuple):
    """A slot that a request may depend on: the reader's verdict, and how likely it was before."""

    slot: str
    verdict: float
    likely: float


class Wants:
    """The kinds and slots of one template, prepared for requests."""

    def __init__(self, template: Template, model: Model) -> None:
        self.model, self.template = model, template
        self.slots = tuple(template.slots.values())
        kinds = template.requests
        kind_texts, slot_texts = [kind_text(k) for k in kinds], [slot_text(slot) for slot in self.slots]
        self._kinds, self._slots = _vectors(model, kind_texts), _vectors(model, slot_texts)
        keys, first = model.heads["text_keys"].tolist(), len(model.heads["kind_correction"])
        self._corrections = _learned(keys[:first], model.heads["kind_correction"], kind_texts)
        self._often = _learned(keys[first:], model.heads["need_often"], slot_texts) + raised(self.slots)
        self._needing = _learned(keys[first:], model.heads["need_correction"], slot_texts)
        self._weights = np.array(
            [[slot.needed_for.get(kind.id, 0.0) for slot in self.slots] for kind in kinds], np.float32
        ).reshape(len(kinds), len(self.slots))

    def needs(self, request: str) -> tuple[Need, ...]:
        """The needs of at least the model's threshold, weightiest first; at most eight."""
        if not _WORD.search(request) or len(request.split()) > LONGEST_REQUEST or not is_english(request):
            return ()
        thresholds = self.model.card.thresholds
        return tuple(strongest(by_weight(self.considered(request), thresholds.needed), thresholds.need))

    def considered(self, request: str) -> list[Considered]:
        """The slots that are worth a look, with what speaks for each; none if it depends on nobody's."""
        embedded = self.model.embed([request])[0]
        shares, nobody = self.shares(embedded)
        if nobody >= 0.5 or not self.slots:
            return []
        likely = self.proposals(embedded, shares)
        near = np.argsort(-likely)[:CANDIDATES].tolist()
        verdicts = self.model.bears(request, [need_text(self.slots[n]) for n in near]).tolist()
        return [
            Considered(self.slots[n].id, verdict, float(likely[n]))
            for n, verdict in zip(near, verdicts, strict=True)
        ]

    def likely(self, embedded: Floats, slots: Sequence[str]) -> list[float]:
        """How likely an embedded request needs each of these slots, [slots].

        An open slot is as likely as the likeliest of its category; one of no category of the template is not
        needed at all.
        """
        every = self.proposals(embedded, self.shares(embedded)[0]).tolist()
        by_slot = {slot.id: likely for slot, likely in zip(self.slots, every, strict=True)}
        by_category: dict[str, float] = {}
        for slot, likely in zip(self.slots, every, strict=True):
            by_category[slot.category] = max(likely, by_category.get(slot.category, 0.0))
        return [by_slot.get(slot, by_category.get(slot.partition(".")[0], 0.0)) for slot in slots]

    def proposals(self, embedded: Floats, shares: Floats) -> Floats:
        """How likely each slot is needed, [slots], before the reader has looked at it."""
        for_kind, near, constant = (float(weight) for weight in self.model.heads["need_mix"])
        by_kind = for_kind * np.sqrt(shares @ self._weights)
        odds = by_kind + near * self.nearness(embedded) + self._needing @ embedded + self._often + constant
        likely: Floats = 1 / (1 + np.exp(-odds))
        return likely

    def nearness(self, embedded: Floats) -> Floats:
        """The cosine of each slot's text with an embedded text, [slots]."""
        cosines: Floats = self._slots @ embedded
        return cosines

    def shares(self, embedded: Floats) -> tuple[Floats, float]:
        """The probabilities of the kinds, [kinds], and that it depends on nobody's preferences."""
        heads = self.model.heads
        near = self._kinds @ embedded * float(heads["kind_scale"]) + self._corrections @ embedded
        nobody = float(heads["nobody_vector"] @ embedded) + float(heads["nobody"])
        scores = np.append(near, nobody)
        raised = np.exp(scores - scores.max())
        shares = (raised / raised.sum()).astype(np.float32)
        return shares[:-1], float(shares[-1])


def by_weight(considered: Sequence[Considered], weights: Sequence[float]) -> list[Need]:
    """The slots as needs, each with its calibrated probability."""
    return [
        Need(slot=one.slot, weight=round(chance(weights, one.verdict, one.likely), 4)) for one in considered
    ]


def strongest(weighed: Sequence[Need], least: float) -> list[Need]:
    """The needs of at least this weight, weightiest first; at most eight."""
    return sorted((need for need in weighed if need.weight >= least), key=lambda n: -n.weight)[:MOST_NEEDS]


def need_text(slot: Slot) -> str:
    """What is held against a request of a slot whose value is not known."""
    return f"unknown: {slot.name}. {slot.description}"


def kind_text(kind: RequestKind) -> str:
    """What the encoder reads of a kind of request."""
    return f"{kind.name}. {', '.join(kind.cues[:12])}"


def _vectors(model: Model, texts: list[str]) -> Floats:
    """The texts' embeddings: stored ones by the text's key, others encoded now."""
    known = dict(zip(model.heads["text_keys"].tolist(), model.heads["text_vectors"], strict=True))
    missing = [text for text in texts if text_key(text) not in known]
    known |= dict(zip(map(text_key, missing), model.embed(missing), strict=True))
    return np.array([known[text_key(text)] for text in texts], np.float32).reshape(len(texts), WIDTH)


def _learned(keys: Sequence[str], learned: Floats, texts: Sequence[str]) -> Floats:
    """What was learned for each text, by its key; nothing for texts that did not ship."""
    known, nothing = dict(zip(keys, learned, strict=True)), np.zeros(learned.shape[1:], np.float32)
    rows = [known.get(text_key(text), nothing) for text in texts]
    return np.array(rows, np.float32).reshape(len(texts), *learned.shape[1:])
