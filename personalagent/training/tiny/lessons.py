"""What the tiny model is pre-trained on: the corpus's turns, and everything else that can be put as one."""

import random
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from personalagent.corpora import gold
from personalagent.corpora.gold import Held
from personalagent.dialogue import Turn
from personalagent.profile.preference import Classification, Evidence, Inference, Operation, Preference
from personalagent.profile.template import Template
from personalagent.training.embedded import laps, plain, sources
from personalagent.training.embedded.examples import Example, Marked
from personalagent.training.episodes import Lesson, corpus_episodes, lessons, request_lessons

PLAIN_ROUNDS = 1
"""How often the plain statements are drawn; 3,300 a time."""
JOINED_ROUNDS = 5
"""How often messages are put together of several; about 1,000 a time."""
LAPS_SILENT = 0.1
"""Of LAPS's turns that say nothing, those that are taken."""
_CLAUSE = re.compile(r"[^.!?;\n]+")
_WORD = re.compile(r"[^\W_]")


class Taught(NamedTuple):
    """A lesson, and the kind of source that it is from."""

    source: str
    lesson: Lesson


def every_lesson(template: Template, laps_folder: Path | None, seed: int) -> list[Taught]:
    """All lessons, in an order of their own. Raises `DataError` where LAPS is not to be found."""
    rng = random.Random(seed)
    singles = [sources.of_utterance(one) for one in gold.utterances()]
    asked = [Example(text=one.request, source="askings") for one in gold.askings()]
    put = list(singles)
    for _ in range(JOINED_ROUNDS):
        put += sources.together(singles, asked, rng)
    for _ in range(PLAIN_ROUNDS):
        put += plain.statements(template, rng)
    if laps_folder:
        put += [e for e in laps.examples(laps_folder) if not e.silent or rng.random() < LAPS_SILENT]
    about = [Held(slot=row.slot, polarity=row.mark, value=v) for row in gold.plain() for v in row.values]
    found = [Taught("dialogues", one) for one in dialogue_lessons(template, "train")]
    found += [Taught("requests", one) for one in request_lessons(template, "train")]
    found += [Taught(e.source, _of_example(e, n, about, template, rng)) for n, e in enumerate(put)]
    rng.shuffle(found)
    return found


def dialogue_lessons(template: Template, split: gold.Split) -> Iterator[Lesson]:
    """The turns of a split, each with the gold profile before it."""
    for episode in corpus_episodes(template, split):
        yield from lessons(episode, template)


def _of_example(
    example: Example, number: int, about: Sequence[Held], template: Template, rng: random.Random
) -> Lesson:
    """A single message as a turn of somebody of whom a few other things are known."""
    held = rng.sample(about, rng.choice((0, 0, 1, 3, 6)))
    marks = [
        mark for mark in example.marks if mark.slots and _WORD.search(example.text, mark.start, mark.end)
    ]
    ended = [_held(example, mark) for mark in marks if mark.mark == "retract"]
    held = [one for one in held if all(one.slot != other.slot for other in ended)]
    turn = Turn(
        user="somebody",
        session=f"{example.source}-{number}",
        index=0,
        text=example.text,
        replying_to=example.replying_to,
        at=gold.START,
    )
    operations = tuple(_operation(example, mark) for mark in marks)
    inference = Inference(operations=operations, classification=_classified(marks), needs=())
    return Lesson(turn, gold.profile_of([*held, *ended], template), inference)


def _held(example: Example, mark: Marked) -> Held:
    return Held(slot=mark.slots[0], polarity="neutral", value=example.text[mark.start : mark.end])


def _operation(example: Example, mark: Marked) -> Operation:
    ends = mark.mark == "retract"
    return Operation(
        action="retract" if ends else "assert",
        preference=Preference(
            slot=mark.slots[0],
            value=example.text[mark.start : mark.end][:200],
            polarity="neutral" if mark.mark == "retract" else mark.mark,
        ),
        evidence=Evidence(quote=_clause(example.text, mark)[:400]),
    )


def _clause(text: str, mark: Marked) -> str:
    """The sentence or half of one in which the value stands; of a long one a stretch around the value."""
    for found in _CLAUSE.finditer(text):
        if found.start() <= mark.start and mark.end <= found.end():
            clause = found.group().strip()
            return clause if len(clause) <= 80 else text[mark.start : mark.end]
    return text[mark.start : mark.end]


def _classified(marks: Sequence[Marked]) -> Classification:
    if not marks:
        return "none"
    return "retract" if any(mark.mark == "retract" for mark in marks) else "new"
