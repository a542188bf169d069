"""Requests held against slots and against preferences: what the reader's verdict on pairs learns from."""

import random
from collections.abc import Iterator, Sequence

from personalagent.corpora import gold
from personalagent.policies.embedding import known_text, preference_text
from personalagent.policies.wants import need_text
from personalagent.profile.preference import Polarity, Preference
from personalagent.profile.template import Slot, Template
from personalagent.training.embedded.examples import Pair

GRADES = {2: 1.0, 1: 0.6, 0: 0.0}
"""How much a slot bears on a request, by the grade of the need."""
NEEDED = 5
"""Needed slots that are taken of every request."""
JUDGED = 5
"""Slots judged as not needed that are taken of every request."""
DRAWN = 3
"""Slots, or preferences, that are drawn for a request where none were judged."""
BY_KIND = 2
"""Slots, and preferences, that are drawn for a request of which only the kind is known."""
ASKINGS = 0.15
"""Of the requests of which only the kind is known, those that an epoch sees."""
REQUESTS = 0.5
"""Of the requests with gold needs, those that an epoch sees."""
WEAK = 0.5
"""Weight of pairs that follow from a request's kind alone."""
MUCH = 0.75
"""The weight of a slot for a kind of request from which it is taken to be needed."""


def pairs(template: Template, seed: int) -> list[Pair]:
    """One epoch's pairs of the training split: by gold, then by what kinds of requests need."""
    rng = random.Random(seed)
    every = gold.requests(None, "train")
    asked = rng.sample(every, int(len(every) * REQUESTS))
    said = [one for one in gold.utterances() if one.mark not in (None, "retract") and one.values]
    made = [pair for one in asked for pair in _of_request(one, template, rng)]
    askings = gold.askings()
    for asking in rng.sample(askings, int(len(askings) * ASKINGS)):
        made += _of_asking(asking, template, said, rng)
    return made


def _of_request(one: gold.GoldRequest, template: Template, rng: random.Random) -> Iterator[Pair]:
    needed = {slot: GRADES[grade] for slot, grade in one.needs.items()}
    others = list(one.unneeded) or [s for s in template.slots if s not in needed]
    beside = rng.sample(others, min(len(others), JUDGED if one.unneeded else DRAWN))
    chosen = rng.sample(sorted(needed.items()), min(len(needed), NEEDED))
    for slot_id, bears in (*((slot, 0.0) for slot in beside), *chosen):
        if slot := template.slot(slot_id):
            yield Pair(one.request, need_text(slot), bears)
    for held in one.profile:
        yield Pair(
            one.request, _line(held.slot, held.polarity, held.value, template), needed.get(held.slot, 0.0)
        )


def _of_asking(
    asking: gold.Asking, template: Template, said: Sequence[gold.Utterance], rng: random.Random
) -> Iterator[Pair]:
    """A request of a known kind: slots that the kind needs, or none, and what people said in them."""
    slots = list(template.slots.values())
    right = [slot for slot in slots if _weight(slot, asking.kind) >= MUCH]
    wrong = [slot for slot in slots if _weight(slot, asking.kind) == 0.0]
    for some, bears in ((right, 0.8), (wrong, 0.0)):
        for slot in rng.sample(some, min(len(some), BY_KIND)):
            yield Pair(asking.request, need_text(slot), bears, WEAK)
        ids = {slot.id for slot in some}
        lines = [one for one in said if one.slots[0] in ids]
        for one in rng.sample(lines, min(len(lines), BY_KIND)):
            start, end = one.values[0]
            mark = one.mark if one.mark and one.mark != "retract" else "neutral"
            text = _line(one.slots[0], mark, one.text[start:end], template)
            yield Pair(asking.request, text, bears, WEAK)


def _weight(slot: Slot, kind: str | None) -> float:
    return slot.needed_for.get(kind, 0.0) if kind else 0.0


def _line(slot: str, polarity: Polarity, value: str, template: Template) -> str:
    return known_text(preference_text(Preference(slot=slot, value=value[:200], polarity=polarity), template))
