"""The plainest statements, put together: ways of saying a slot times values, and values as bare answers."""

import random
from collections.abc import Iterator

from personalagent.corpora import gold
from personalagent.profile.template import Template
from personalagent.training.embedded.examples import Example, Marked

STATED = 3
"""Values of every row that an epoch states."""
ANSWERED = 2
"""Values of every row that an epoch gives as an answer to the slot's own question."""


def statements(template: Template, rng: random.Random) -> list[Example]:
    """One epoch's plain statements and answers; other values and wordings come in the next."""
    return [example for row in gold.plain() for example in _of_row(row, template, rng)]


def _of_row(row: gold.Plain, template: Template, rng: random.Random) -> Iterator[Example]:
    values = rng.sample(row.values, len(row.values))
    for value in values[:STATED]:
        text = rng.choice(row.says)
        start = text.index("{}")
        said = text.replace("{}", value)
        marked = Marked(start, start + len(value), row.mark, (row.slot,))
        yield Example(said, marks=(marked,), source="plain")
    slot = template.slot(row.slot)
    for value in values[STATED : STATED + ANSWERED]:
        if slot:
            marked = Marked(0, len(value), row.mark, (row.slot,))
            yield Example(value, slot.question, (marked,), source="plain")
