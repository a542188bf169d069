"""A small trained encoder that ships with the package and reads on a CPU, offline."""

import asyncio
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from personalagent.dialogue import Turn
from personalagent.policies.absences import Absence, absences
from personalagent.policies.chances import chance
from personalagent.policies.clauses import own_sentences, plain
from personalagent.policies.language import is_english
from personalagent.policies.model import Floats, Model, Read, load_model
from personalagent.policies.operations import answered, classify, evidence_at, refused
from personalagent.policies.others import names_user, of_another
from personalagent.policies.per_template import PerTemplate
from personalagent.policies.slots import words
from personalagent.policies.slotspace import Match, SlotSpace
from personalagent.policies.tags import Mark, first_tokens, spans
from personalagent.policies.tokens import Pieces, encode, words_of
from personalagent.policies.values import scoped
from personalagent.policies.wants import Wants
from personalagent.profile.history import Held
from personalagent.profile.preference import Inference, Need, Operation, Polarity, Preference, normalise
from personalagent.profile.profile import Profile
from personalagent.profile.template import Slot, Template

MOST_OPERATIONS = 12
LONGEST_VALUE = 200
OPEN_NAMES: dict[Polarity, str] = {
    "like": "likes",
    "dislike": "dislikes",
    "avoid": "avoids",
    "neutral": "facts",
}
"""The open slot of a category that takes what no slot fits, by polarity."""
LONG = 25
"""Words of a message from which on it must name the user somewhere (I, my, we), or it is not about her."""
FITS = 0.2
"""A slot's share of the probability from which it is taken."""
OF_OTHERS = ("family", "social")
"""Categories in which what others are is the user's own affair."""
WITHIN = 0.5
"""The probability that a template's slots must have together; else the value is none of its business."""
NAMED = 0.3
"""How well a held value must fit the words of a retraction (see `Reading._fits`)."""
STRENGTHS: dict[Polarity, float] = {"like": 0.7, "dislike": 0.7, "avoid": 0.8, "neutral": 0.6}


_LOOSE_END = re.compile(r"(?:\s|\A)(?:to|and|with|for|of|the|a|an|in|on|at|or|my|that|is|are|it|as|but)\Z")
_LOOSE_START = re.compile(r"(?:and|or|but|of|a|an|to|is|are|that|some)(?:\s+|\Z)")
"""What is left over where a span was cut a word too late; no value begins or ends with it."""


_LITTLE = re.compile(
    r"(?:am?|all|and?|at|be|for|i|in|is|it|my|not?|of|or|our|on|that|the|this|to|was|with)\Z"
)


class Said(NamedTuple):
    """A stretch of the user's words that the reader marked."""

    start: int
    end: int
    mark: Mark
    score: float
    speaks: float
    points: Floats


class EmbeddedPolicy:
    """Proposes what the encoder finds in the user's own words; a value is always a span of them."""

    def __init__(self, folder: Path | None = None) -> None:
        """The model in `folder`, or the one that ships; opened on first use (`ModelError`)."""
        self._folder = folder
        self._spaces = PerTemplate(
            lambda template: Spaces(SlotSpace(template, self.model), Wants(template, self.model))
        )

    @property
    def model(self) -> Model:
        """The opened model."""
        return load_model(self._folder)

    @property
    def deciding(self) -> float:
        """The weight from which an unknown need is worth a question; set by `make model`."""
        return self.model.card.thresholds.deciding

    async def infer(self, turn: Turn, profile: Profile, template: Template) -> Inference:
        """What the turn says about its user; empty when it says nothing lasting, or is not in English."""
        return await asyncio.to_thread(self._infer, turn, profile, template)

    async def needs(self, request: str, profile: Profile, template: Template) -> tuple[Need, ...]:
        """The slots that a good answer depends on, weightiest first; none for facts, code, translations."""
        return await asyncio.to_thread(lambda: self._spaces(template).wants.needs(request))

    def _infer(self, turn: Turn, profile: Profile, template: Template) -> Inference:
        if not is_english(turn.text):
            return Inference(unread="language")
        said, read_from = answered(turn, template)
        if not said and refused(turn):
            return Inference()
        reading = Reading(turn, self.model, self._spaces(template), profile, template)
        operations = unique([*said, *reading.operations(read_from)])
        return Inference(operations=operations, classification=classify(operations, profile))


class Spaces(NamedTuple):
    """What is prepared once for a template."""

    slots: SlotSpace
    wants: Wants


class Reading:
    """One turn being read."""

    def __init__(
        self, turn: Turn, model: Model, spaces: Spaces, profile: Profile, template: Template
    ) -> None:
        self.turn, self.model, self.spaces = turn, model, spaces
        self.profile, self.template = profile, template
        self.lower = plain(turn.text)
        self.sentences = self._spoken()

    def _spoken(self) -> list[tuple[int, int]]:
        """Where the user may speak of herself: nowhere in a long message that never names her."""
        if len(self.lower.split()) >= LONG and not names_user(self.lower):
            return []
        return own_sentences(self.turn.text)

    def operations(self, read_from: int = 0) -> list[Operation]:
        """What is said from a place of the text on, in the order in which it is said."""
        own = [(a, b) for a, b in self.sentences if a >= read_from]
        found = [op for one in absences(self.lower, own, self.turn.replying_to) for op in self._absent(one)]
        for said in self.said(self.model.card.thresholds.lean, read_from):
            found += self._ended(said) if said.mark == "retract" else self._stated(said)
        return found

    def said(self, lean: float, read_from: int = 0) -> list[Said]:
        """All that the reader marks; `lean` as in `spans`."""
        wanted = [(a, b) for a, b in self.sentences if a >= read_from]
        pieces = encode(self.model.tokenizer, self.lower, self.turn.replying_to, wanted)
        reads = self.model.read(pieces)
        return [
            said
            for piece, read in zip(pieces, reads, strict=True)
            for said in marked(self.lower, piece, read, self.model.heads["transitions"], lean)
        ]

    def _absent(self, absence: Absence) -> list[Operation]:
        slot = self.template.slot(absence.slot)
        evidence = evidence_at(self.turn.text, absence.start, absence.end)
        if slot is None or evidence is None:
            return []
        preference = Preference(
            slot=slot.id, value=absence.value, strength=0.6, confidence=0.85, kind=slot.kind
        )
        return [Operation(preference=preference, evidence=evidence)]

    def _stated(self, said: Said) -> list[Operation]:
        thresholds = self.model.card.thresholds
        if chance(thresholds.value, said.score, said.speaks) < thresholds.keep or said.mark == "retract":
            return []
        match = self.spaces.slots.match(said.points)
        slot = self._slot(match, said.mark)
        start, end = self._sentence(said)
        evidence = evidence_at(self.turn.text, start, end)
        value = " ".join(self.turn.text[said.start : said.end].split())
        if slot is None or evidence is None or len(value) > LONGEST_VALUE:
            return []
        if slot.category not in OF_OTHERS and of_another(self.lower[start:end], said.start - start):
            return []
        if evidence.start + len(evidence.quote) < said.end:
            evidence = evidence_at(self.turn.text, said.start, said.end) or evidence
        preference = Preference(
            slot=slot.id,
            value=value,
            polarity=said.mark,
            strength=STRENGTHS[said.mark],
            confidence=chance(thresholds.whole, said.score, said.speaks, match.share),
            scope=scoped(self.lower[said.end : end], 0),
            kind=slot.kind,
        )
        return [Operation(preference=preference, evidence=evidence)]

    def _slot(self, match: Match, polarity: Polarity) -> Slot | None:
        if match.share >= FITS:
            return match.slot
        if match.shares.sum() < WITHIN:
            return None
        category = self.spaces.slots.category(match)
        return self.template.slot(f"{category}.other.{OPEN_NAMES[polarity]}")

    def _ended(self, said: Said) -> list[Operation]:
        """The end of what is held and fits the words best, if anything does."""
        start, end = self._sentence(said)
        evidence = evidence_at(self.turn.text, start, end)
        if evidence is None:
            return []
        match = self.spaces.slots.match(said.points)
        words_said = self.turn.text[said.start : said.end]
        fitting = [(self._fits(held, words_said, match), held) for held in self._held()]
        best = max(fitting, key=lambda pair: pair[0], default=None)
        if best is None or best[0] < NAMED:
            return []
        preference = best[1].preference.model_copy(update={"scope": None})
        return [Operation(action="retract", preference=preference, evidence=evidence)]

    def _held(self) -> list[Held]:
        every = [held for current in self.profile.current.values() for held in current]
        return [held for held in every if self.template.slot(held.preference.slot)]

    def _fits(self, held: Held, said: str, match: Match) -> float:
        """How well what is held fits the words that end something, 0 to 2: by words, and by its slot."""
        by_slot = self.spaces.slots.share(match, held.preference.slot)
        return likeness(said, held.preference.value) + by_slot

    def _sentence(self, said: Said) -> tuple[int, int]:
        for start, end in self.sentences:
            if start <= said.start < end:
                return start, end
        return said.start, said.end


def marked(text: str, piece: Pieces, read: Read, transitions: Floats, lean: float) -> list[Said]:
    """The spans that the reader marks in one window, as places in the text."""
    firsts = first_tokens(words_of(text, piece.offsets))
    bounds = [*firsts, next((n for n in range(len(piece.ids) - 1, 0, -1) if piece.offsets[n][1]), 0) + 1]
    found = []
    for span in spans(read.labels[firsts], transitions, lean):
        first, last = bounds[span.first], bounds[span.last + 1] - 1
        start, end = trimmed(text, piece.offsets[first][0], piece.offsets[last][1])
        if any(c.isalnum() for c in text[start:end]):
            found.append(Said(start, end, span.mark, span.score, read.speaks, read.points[first : last + 1]))
    return found


def trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    """The place without the punctuation, white space and loose little words at its ends."""
    while start < end and not (text[start].isalnum() or text[start] in "#$£€'"):
        start += 1
    while end > start and not (text[end - 1].isalnum() or text[end - 1] in "%+#'°€)"):
        end -= 1
    if loose := _LOOSE_END.search(text[start:end]):
        return trimmed(text, start, start + loose.start())
    if loose := _LOOSE_START.match(text[start:end]):
        return trimmed(text, start + loose.end(), end)
    return start, end


def likeness(one: str, other: str) -> float:
    """The part of the shorter text's words that the other has, too, little words aside; 0 to 1."""
    these, those = ({word for word in words(text) if not _LITTLE.match(word)} for text in (one, other))
    return len(these & those) / min(len(these), len(those)) if these and those else 0.0


def unique(operations: Sequence[Operation]) -> tuple[Operation, ...]:
    """Each thing once, in the order in which it is said first."""
    kept: dict[tuple[str, str, str], Operation] = {}
    for operation in operations:
        preference = operation.preference
        kept.setdefault((operation.action, preference.slot, normalise(preference.value)), operation)
    return tuple(kept.values())[:MOST_OPERATIONS]
