"""Where the reader's examples come from: the project's corpus, LAPS, and messages put together from both."""

import random
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from personalagent.corpora import gold
from personalagent.profile.evidence import locate
from personalagent.training.embedded import laps
from personalagent.training.embedded.examples import Example, Marked, of_turn

LAPS_AGAIN = 0.75
"""Of LAPS's turns that state something, those that an epoch sees twice: the corpus has many times as many."""
SINGLE_SHARE = 0.2
"""Of the single messages that state something, those that an epoch sees."""
SILENT_SHARE = 0.2
"""Of LAPS's silent turns, those that an epoch sees."""
PER_UTTERANCE = 0.1
"""Messages put together, per single message."""


def examples(laps_folder: Path | None, seed: int) -> list[Example]:
    """All that the reader is trained on; without LAPS, the project's own corpus alone. Raises `DataError`."""
    single = [of_utterance(one) for one in gold.utterances()]
    asking = [Example(text=one.request, source="askings") for one in gold.askings()]
    asking += [Example(text=one.request, source="requests") for one in gold.requests(None, "train")]
    made = [*dialogue_examples("train"), *single, *asking, *together(single, asking, random.Random(seed))]
    return made + (laps.examples(laps_folder) if laps_folder else [])


def epoch(every: Sequence[Example], rng: random.Random) -> list[Example]:
    """The examples of one epoch: all turns of dialogues, of what there is plenty of a part."""
    seen: list[Example] = []
    for one in every:
        times = _times(one)
        seen += [one] * (int(times) + (rng.random() < times % 1))
    return seen


def _times(one: Example) -> float:
    if one.source == "laps":
        return SILENT_SHARE if one.silent else 1 + LAPS_AGAIN
    return SINGLE_SHARE if one.source == "utterances" and not one.silent else 1.0


def dialogue_examples(*splits: gold.Split) -> list[Example]:
    """The user turns of the corpus's dialogues."""
    made: list[Example] = []
    for one in gold.dialogues(None, *splits):
        for turn, told in zip(gold.history(one.persona, [one]).turns, one.turns, strict=True):
            marks = [found for op in told.operations if (found := _marked(turn.text, op))]
            made.append(of_turn(turn, _apart(marks), "dialogues"))
    return made


def of_utterance(one: gold.Utterance) -> Example:
    """A single message of the corpus."""
    marks = () if one.mark is None else tuple(Marked(a, b, one.mark, one.slots) for a, b in one.values)
    return Example(one.text, one.replying_to, marks, source="utterances")


def together(single: Sequence[Example], asking: Sequence[Example], rng: random.Random) -> list[Example]:
    """Longer messages: what one says of oneself before, between and after other things."""
    telling = [one for one in single if one.marks and not one.replying_to]
    silent = [one for one in single if one.silent and not one.replying_to and len(one.text) < 300]
    made = []
    for _ in range(int(PER_UTTERANCE * len(telling))):
        parts = rng.sample(telling, rng.choice((1, 1, 2)))
        parts += rng.sample(silent, rng.choice((0, 0, 1))) + rng.sample(asking, rng.choice((0, 1, 1)))
        if len(parts) > 1:
            rng.shuffle(parts)
            made.append(joined(parts, rng.choice((" ", ". ", "\n", ", "))))
    return made


def joined(parts: Iterable[Example], glue: str) -> Example:
    """The parts' texts as one, their marks in their new places."""
    text, marks = "", []
    for part in parts:
        text += glue if text else ""
        marks += [replace(one, start=one.start + len(text), end=one.end + len(text)) for one in part.marks]
        text += part.text
    return Example(text, marks=tuple(marks), source="together")


def _marked(text: str, operation: gold.GoldOperation) -> Marked | None:
    """The operation's words in the text: within its evidence, where they stand in it."""
    words = operation.mention if operation.action == "retract" else operation.value
    mark = "retract" if operation.action == "retract" else operation.polarity
    for start, end in locate(operation.evidence, text):
        for a, b in locate(words or "", text[start:end]):
            return Marked(start + a, start + b, mark, operation.slots)
    places = locate(words or "", text)
    return Marked(*places[0], mark, operation.slots) if places else None


def _apart(marks: Sequence[Marked]) -> tuple[Marked, ...]:
    """The marks in order; of two that overlap, the first and longer one."""
    kept: list[Marked] = []
    for one in sorted(marks, key=lambda m: (m.start, m.start - m.end)):
        if not kept or one.start >= kept[-1].end:
            kept.append(one)
    return tuple(kept)
