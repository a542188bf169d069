"""A simulated user from the corpus, without a model: she says her messages, and answers what she is asked."""

import random
from collections import deque
from collections.abc import Iterator, Sequence

from personalagent.corpora.gold import GoldOperation, GoldTurn
from personalagent.policies.answers import LONGEST_ANSWER, declined, unknown
from personalagent.policies.requests import requested
from personalagent.profile.evidence import locate
from personalagent.profile.preference import Polarity
from personalagent.profile.template import Template
from personalagent.simulation.persona import Persona, after, earliest
from personalagent.simulation.user import Move, Said

DECLINES = 0.2
"""The share of the questions to which she has an answer that she declines all the same."""
DECLINES_UNHELD = 0.5
"""The same of those to which she has none; to the others she says that she does not know."""
AT_ONCE = 2
"""Values that an answer gives at most."""
REFUSALS = ("I'd rather not say.", "skip that one please", "that's private", "no comment", "pass")
SHRUGS = ("no idea", "I don't know", "not sure really", "hard to say", "doesn't matter")
VERBS: dict[Polarity, tuple[str, ...]] = {
    "neutral": ("{}", "I'd say {}"),
    "like": ("I like {}",),
    "dislike": ("I don't like {}",),
    "avoid": ("I avoid {}",),
}


class ScriptedUser:
    """Plays a persona's dialogues in their order; her requests come at the ends of them.

    A question about a slot in which she holds something is answered in the corpus's own words for it, or
    declined, once and for all. Then she goes on where she was. The same persona and seed give the same
    conversation for the same moves.
    """

    def __init__(self, persona: Persona, seed: int, template: Template, start: int = 0) -> None:
        """She opens with message `start` of her `script`, which has more than that."""
        self._persona, self._template = persona, template
        self._random = _chance(persona, seed)
        lines = tuple(_lines(persona, self._random))
        self.told = lines[:start]
        """What she had said before she opens."""
        self._lines = deque(lines[start:])
        self._session = persona.script[0].id
        self._revealed: tuple[GoldOperation, ...] = ()
        for said in self.told:
            self._saying(said)
        self._refused: set[str] = set()

    @property
    def persona(self) -> Persona:
        """Who she is."""
        return self._persona

    async def opens(self) -> Said:
        """Her first message."""
        return self._saying(self._lines.popleft())

    async def answers(self, agent: Move) -> Said | None:
        """Her answer to a question, else the next message of the script."""
        if agent.asks is not None:
            return self._saying(self._answer(agent.asks))
        return self._saying(self._lines.popleft()) if self._lines else None

    def _saying(self, said: Said) -> Said:
        self._session = said.session
        if said.gold:
            self._revealed = after(self._revealed, said.gold, self._template)
        return said

    def _answer(self, slot: str) -> Said:
        held = tuple(one for one in self._revealed if slot in one.slots) or self._persona.about_slot(slot)
        share = DECLINES if held else DECLINES_UNHELD
        if slot in self._refused or self._random.random() < share:
            self._refused.add(slot)
            told = GoldTurn(user=self._random.choice(REFUSALS), classification="none")
        elif not held:
            told = GoldTurn(user=self._random.choice(SHRUGS), classification="none")
        else:
            told = self._statement(slot, held)
        return Said(told.user, self._session, told)

    def _statement(self, slot: str, held: Sequence[GoldOperation]) -> GoldTurn:
        """What she says of the slot, and all that this states."""
        known = self._template.slot(slot)
        most = AT_ONCE if known and known.kind == "many" else 1
        chosen = [one for one in held if one.polarity == held[-1].polarity][-most:]
        text = self._random.choice(forms(chosen))
        operations = [
            one.model_copy(update={"slots": tuple(dict.fromkeys((slot, *one.slots))), "evidence": text})
            for one in chosen
        ]
        beside = [
            one.model_copy(update={"evidence": text})
            for one in self._persona.holds
            if one.evidence == text and one not in chosen and locate(one.value, text)
        ]
        return GoldTurn(user=text, classification="new", operations=(*operations, *beside))


def forms(held: Sequence[GoldOperation]) -> list[str]:
    """The ways of stating values of one polarity: alone, with a verb, or in the words of the dialogue.

    None of them reads as a refusal, or as not knowing.
    """
    values = " and ".join(dict.fromkeys(one.value for one in held))
    said = [form.format(values) for form in VERBS[held[0].polarity]]
    surely = said[-1]
    if len(held) == 1 and held[0].evidence != held[0].value:
        said.append(held[0].evidence)
    short = [text for text in said if "?" not in text and len(text.split()) <= LONGEST_ANSWER]
    return [text for text in short if not declined(text) and not unknown(text)] or [surely]


def script(persona: Persona, seed: int) -> tuple[Said, ...]:
    """All that a user of this seed says unasked, her requests among it."""
    return tuple(_lines(persona, _chance(persona, seed)))


def _chance(persona: Persona, seed: int) -> random.Random:
    return random.Random(f"{persona.id}/{seed}")


def _lines(persona: Persona, chance: random.Random) -> Iterator[Said]:
    """All that she says unasked; a request stands at the end of a dialogue, not before it makes sense."""
    last = len(persona.script) - 1
    wanted = [(chance.randint(earliest(one, persona.script), last), one) for one in persona.requests]
    chance.shuffle(wanted)
    for number, dialogue in enumerate(persona.script):
        before = ""
        for turn in dialogue.turns:
            asks = requested(turn.user) is not None
            yield Said(turn.user, dialogue.id, turn, request=asks, replying_to=before)
            before = turn.assistant
        for place, one in wanted:
            if place == number:
                yield Said(one.request, dialogue.id, request=True, needs=one.needs, replying_to="")
