"""Rejected inferences for DPO: the gold one with one thing wrong, as models get it wrong."""

import random
import re
from collections.abc import Callable, Iterator

from personalagent.corpora.gold import GoldTurn
from personalagent.dialogue import Turn
from personalagent.policies.budget import own_words, tidy
from personalagent.policies.prompt import MOST_MESSAGE
from personalagent.policies.shortlist import shortlist
from personalagent.profile.evidence import gate
from personalagent.profile.preference import Evidence, Inference, Operation, Polarity, Preference
from personalagent.profile.template import Template
from personalagent.training.episodes import Lesson

_LIKELIEST = 6
"""Of the slots that a prompt shows, those that something wrong is put into."""
_WORDS = re.compile(r"[^\W_]+(?:(?:['’-]| +)[^\W_]+)*")
"""A run of words without a mark between them."""
_OTHERS: dict[Polarity, Polarity] = {
    "neutral": "dislike",
    "like": "dislike",
    "dislike": "like",
    "avoid": "like",
}


def spoiled(lesson: Lesson, told: GoldTurn, template: Template, rng: random.Random) -> Inference | None:
    """The inference of a turn with something left out, made up, misplaced or turned round.

    Each is wrong by one of the paper's criteria, and as well-formed as the gold. None if it cannot be: of a
    message without a word, or over a template without slots.
    """
    ways: list[Callable[[], Iterator[Inference]]] = [
        lambda: _left_out(lesson, template, rng),
        lambda: _misplaced(lesson, told, template, rng),
        lambda: _turned(lesson, template, rng),
        lambda: _others(lesson, told, template, rng),
        lambda: _made_up(lesson, template, rng),
    ]
    rng.shuffle(ways)
    return next((made for way in ways for made in way()), None)


def _left_out(lesson: Lesson, template: Template, rng: random.Random) -> Iterator[Inference]:
    """Not complete."""
    for place, _ in _drawn(lesson, template, rng):
        kept = list(lesson.inference.operations)
        kept.pop(place)
        yield _with(lesson.inference, kept)


def _misplaced(lesson: Lesson, told: GoldTurn, template: Template, rng: random.Random) -> Iterator[Inference]:
    """In a slot that is likely, and wrong."""
    good = {slot for one in told.operations for slot in one.slots}
    for place, operation in _drawn(lesson, template, rng):
        wrong = [slot for slot in _likely(lesson.turn, template) if slot not in good]
        if wrong:
            moved = operation.preference.model_copy(update={"slot": rng.choice(wrong[:_LIKELIEST])})
            yield _replaced(lesson.inference, place, operation.model_copy(update={"preference": moved}))


def _turned(lesson: Lesson, template: Template, rng: random.Random) -> Iterator[Inference]:
    """The opposite taste."""
    for place, operation in _drawn(lesson, template, rng):
        if operation.action == "assert":
            turned = {"polarity": _OTHERS[operation.preference.polarity]}
            preference = operation.preference.model_copy(update=turned)
            yield _replaced(lesson.inference, place, operation.model_copy(update={"preference": preference}))


def _others(lesson: Lesson, told: GoldTurn, template: Template, rng: random.Random) -> Iterator[Inference]:
    """What is no lasting fact about the user taken for one."""
    spans = [one.span for one in told.not_stated if _WORDS.search(one.span)]
    if spans:
        yield from _added(lesson, rng.choice(spans), template, rng)


def _made_up(lesson: Lesson, template: Template, rng: random.Random) -> Iterator[Inference]:
    """Some words of the message taken for a value."""
    runs = [found.group().split() for found in _WORDS.finditer(lesson.turn.text)]
    if runs:
        (words,) = rng.choices(runs, weights=[len(run) for run in runs])
        start = rng.randrange(max(1, len(words) - 1))
        yield from _added(lesson, " ".join(words[start : start + rng.randint(2, 5)]), template, rng)


def _added(lesson: Lesson, span: str, template: Template, rng: random.Random) -> Iterator[Inference]:
    known = {op.preference.slot for op in lesson.inference.operations}
    likely = [slot for slot in _likely(lesson.turn, template) if slot not in known]
    if likely:
        preference = Preference(slot=rng.choice(likely[:_LIKELIEST]), value=span[:200])
        more = Operation(preference=preference, evidence=Evidence(quote=span[:400]))
        yield _with(lesson.inference, [*lesson.inference.operations, more])


def _likely(turn: Turn, template: Template) -> tuple[str, ...]:
    """The slots that the turn's prompt may show, the likeliest first."""
    text = own_words(tidy(turn.text), MOST_MESSAGE)
    return shortlist(template).slots(turn.model_copy(update={"text": text}))


def _drawn(lesson: Lesson, template: Template, rng: random.Random) -> Iterator[tuple[int, Operation]]:
    """One of the operations with its place; none that the gate refuses: nobody demands it."""
    refused = [one.operation for one in gate(lesson.inference, lesson.turn, template).rejections]
    taken = [(n, op) for n, op in enumerate(lesson.inference.operations) if op not in refused]
    if taken:
        yield rng.choice(taken)


def _replaced(right: Inference, place: int, operation: Operation) -> Inference:
    kept = list(right.operations)
    kept[place] = operation
    return _with(right, kept)


def _with(right: Inference, operations: list[Operation]) -> Inference:
    classification = right.classification if operations else "none"
    if operations and classification == "none":
        classification = "new"
    return right.model_copy(update={"operations": tuple(operations), "classification": classification})
