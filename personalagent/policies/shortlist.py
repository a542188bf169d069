"""Which of the template's slots a message may be about: the few that a prompt has room for."""

from functools import lru_cache

import numpy as np

from personalagent.dialogue import Turn
from personalagent.policies.clauses import own_sentences, plain
from personalagent.policies.model import Floats, Model, load_model, unit
from personalagent.policies.per_template import PerTemplate
from personalagent.policies.slots import SlotIndex, slot_index, words
from personalagent.policies.slotspace import SlotSpace
from personalagent.policies.tokens import encode
from personalagent.policies.wants import Wants
from personalagent.profile.template import Template

SLOTS = 24
"""Slots in a prompt."""
FOR_NEEDS = 10
"""Of these, slots that the message may need if it is a request."""
BY_READER, BY_WORDS = 0.6, 0.3
"""What the reader's opinion and shared words count beside the embedding's cosine; set on the dev split."""
KEPT = 256
"""Turns whose slots are remembered: rollouts ask for the same turn many times."""
_MANY_WORDS = 5.0


class Shortlist:
    """The template's index for messages: cues and examples, embeddings, and the trained reader together."""

    def __init__(self, template: Template, model: Model) -> None:
        self._model = model
        self._words: SlotIndex = slot_index(template)
        self._space, self._wants = SlotSpace(template, model), Wants(template, model)
        self._ids = tuple(template.slots)
        self._kept = lru_cache(KEPT)(self._found)

    def slots(self, turn: Turn) -> tuple[str, ...]:
        """The ids of the likeliest slots, at most `SLOTS`: for what is said, and for what is asked for.

        The time grows with the turn's text: give it no more than a prompt will hold.
        """
        return self._kept(turn)

    def _found(self, turn: Turn) -> tuple[str, ...]:
        text = turn.text
        if not self._ids or not text.strip():
            return ()
        embedded = self._model.embed([text])[0]
        shares, nobody = self._wants.shares(embedded)
        stated = np.argsort(-self._stated(turn, text, embedded))
        needed = np.argsort(-self._wants.proposals(embedded, shares)) if nobody < 0.5 else stated
        asked = [turn.answers] if turn.answers in self._space.numbers else []
        first = [self._ids[n] for n in stated[: SLOTS - FOR_NEEDS]]
        then = [self._ids[n] for n in (*needed[:FOR_NEEDS], *stated[:SLOTS])]
        return tuple(dict.fromkeys((*asked, *first, *then)))[:SLOTS]

    def _stated(self, turn: Turn, text: str, embedded: Floats) -> Floats:
        """How well each slot fits what the message may say of the user, [slots]."""
        by_words = self._words.scores(words(text))
        fits: Floats = self._wants.nearness(embedded) + BY_WORDS * by_words / (_MANY_WORDS + by_words)
        fits += BY_READER * np.sqrt(self._seen(turn, text))
        return fits

    def _seen(self, turn: Turn, text: str) -> Floats:
        """The largest share of the probability that the reader gives each slot at any word, [slots]."""
        best = np.zeros(len(self._ids), np.float32)
        pieces = encode(self._model.tokenizer, plain(text), turn.replying_to, own_sentences(text))
        for read in self._model.read(pieces):
            best = np.maximum(best, self._space.shares(unit(read.points)).max(axis=0))
        return best


shortlist = PerTemplate(lambda template: Shortlist(template, load_model()))
"""The shortlist of a template; raises `ModelError` if the model that ships is not there."""
