"""A policy without a model: patterns and the template's cues. It reads English, and no more than is said."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from personalagent.dialogue import Turn
from personalagent.policies.clauses import Clause, clauses
from personalagent.policies.facts import ALLERGY_SLOT, FACTS
from personalagent.policies.lexicon import DOMAINS
from personalagent.policies.operations import answered, classify, evidence_at, refused
from personalagent.policies.opinions import OPINIONS, REACTION, REACTION_NOUN
from personalagent.policies.patterns import CHANGES, Pattern
from personalagent.policies.requests import WISHES, requested
from personalagent.policies.slots import SlotIndex, head_of, slot_index, words
from personalagent.policies.values import Span, items, scoped, trimmed
from personalagent.profile.evidence import locate
from personalagent.profile.preference import (
    Inference,
    Need,
    Operation,
    Polarity,
    Preference,
    normalise,
)
from personalagent.profile.profile import Profile
from personalagent.profile.template import Slot, Template

PATTERNS = (*CHANGES, *FACTS, *OPINIONS)
"""In this order: an end is no statement, and a fact says more than a taste."""
LONGEST_CLAUSE = 400
"""Characters; a longer clause is no statement, and evidence may not be longer."""
MOST_OPERATIONS = 12
MOST_NEEDS = 8
LEAST_NEED = 0.3
_OTHER_KINDS = 0.8
"""How much a kind of request counts that is only mentioned beside the one asked for."""
_CLEAR = 3.5
"""The index score from which a slot is taken to be meant."""
_SURE = 9.0
"""The index score that tells more than the noun that heads the value."""
_LIKED = (
    r"\.(?:dislike\w*|avoid\w*|aversion|exclusion|peeve|discomfort|fear|skimp|quit|sensitivity"
    r"|allergy|reaction|restriction|trigger|drain)$"
)
_UNLIKED = r"\.(?:favou?rite|liking|splurge|wish|wished|allergy|current)$"
_PLACES = {
    "like": {"consumption": "likes", "interests": "likes"},
    "dislike": {"consumption": "dislikes", "interests": "dislikes"},
    "avoid": {"consumption": "avoids", "interests": "avoids"},
}
_SENSITIVITIES = re.compile(
    r"\b(?:cats?|dogs?|pets?|animals?|fur|pollen|dust|mites?|grass|bees?|wasps?"
    r"|latex|nickel|mou?ld|perfumes?|fragrances?)\b"
)
_GREETED = re.compile(
    r"\b(?:hi|hello|hey|good (?:morning|afternoon|evening)|greetings)(?: there"
    r"| everyone| all)?[\s,.!]*\Z"
)
_DRUGS = re.compile(
    r"\b(?:penicillin|aspirin|ibuprofen|antibiotics?|amoxicillin|codeine|sulfa"
    r"|paracetamol|vaccines?)\b"
)


class RulePolicy:
    """Proposes what the patterns find in the user's own words; asks for what the template's cues name.

    Precision before recall: questions, passing wishes, third parties, reported speech and reactions
    to the assistant are passed over, and so is every language but English.
    """

    async def infer(self, turn: Turn, profile: Profile, template: Template) -> Inference:
        """What the turn says about its user; empty when it says nothing lasting."""
        reading = _Reading(turn, profile, template)
        operations = reading.operations()
        return Inference(operations=operations, classification=classify(operations, profile))

    async def needs(self, request: str, profile: Profile, template: Template) -> tuple[Need, ...]:
        """The slots that the request's kind depends on, weightiest first; at most eight."""
        asked = requested(request)
        if asked is None:
            return ()
        index = slot_index(template)
        kinds = index.kinds(asked) or index.kinds(request)
        weights: dict[str, float] = {}
        for place, kind in enumerate(kinds):
            for slot, weight in index.needed_for(kind):
                weights[slot] = max(weights.get(slot, 0.0), weight if place == 0 else weight * _OTHER_KINDS)
        ranked = sorted(weights.items(), key=lambda pair: -pair[1])
        return tuple(Need(slot=slot, weight=weight) for slot, weight in ranked if weight >= LEAST_NEED)[
            :MOST_NEEDS
        ]


class _Found(NamedTuple):
    operation: Operation
    span: Span


class _Reading:
    """One turn being read."""

    def __init__(self, turn: Turn, profile: Profile, template: Template) -> None:
        self.turn, self.profile, self.template = turn, profile, template
        self.index: SlotIndex = slot_index(template)

    def operations(self) -> tuple[Operation, ...]:
        """All that the turn states, each thing once, in the order in which it is said."""
        said, read_from = answered(self.turn, self.template)
        found = [_Found(operation, Span(0, read_from)) for operation in said]
        if said or not refused(self.turn):
            for clause in clauses(self.turn.text):
                if clause.start >= read_from:
                    found += self._clause(clause)
        unique: dict[tuple[str, str, str], Operation] = {}
        for operation, _ in found:
            preference = operation.preference
            unique.setdefault((operation.action, preference.slot, normalise(preference.value)), operation)
        return tuple(unique.values())[:MOST_OPERATIONS]

    def _clause(self, clause: Clause) -> list[_Found]:
        found: list[_Found] = []
        if len(clause.text) > LONGEST_CLAUSE:
            return found
        for wish in self._wishes(clause):
            found.append(_Found(wish, Span(clause.start, clause.end)))
        for pattern in PATTERNS:
            if (clause.passing and not pattern.lasting) or (
                pattern.greeting and not _GREETED.search(clause.before)
            ):
                continue
            match = pattern.regex.match(clause.text)
            span = self._span(pattern, match, clause) if match else None
            if (
                match is None
                or span is None
                or any(span.start < f.span.end and f.span.start < span.end for f in found)
            ):
                continue
            made = (
                self._retractions(span, clause)
                if pattern.action == "retract"
                else self._stated(pattern, match, span, clause)
            )
            found += [_Found(operation, span) for operation in made]
            if made and pattern.action == "retract":
                break
        return found

    def _wishes(self, clause: Clause) -> Iterator[Operation]:
        """How the user wants to be talked to."""
        for regex, name, value in WISHES:
            slot = self.template.slot(f"personality.communication.{name}")
            match = regex.search(clause.text)
            evidence = evidence_at(self.turn.text, clause.start, clause.end)
            if slot and match and evidence and not clause.passing:
                said = value or match["v"] or match["w"]
                yield Operation(
                    preference=self._preference(slot, said, "neutral", 0.8, 0.9, None), evidence=evidence
                )

    def _span(self, pattern: Pattern, match: re.Match[str], clause: Clause) -> Span | None:
        """Where the value stands in the message, trimmed of what does not belong to it."""
        if pattern.value:
            return Span(clause.start, clause.end)
        name = "v" if match["v"] else "w"
        return trimmed(
            self.turn.text,
            clause.offset + match.start(name),
            clause.offset + match.end(name),
            proper=pattern.proper,
        )

    def _stated(self, pattern: Pattern, match: re.Match[str], span: Span, clause: Clause) -> list[Operation]:
        opinion = pattern.polarity in ("like", "dislike") or (
            pattern.polarity == "avoid" and not pattern.slot
        )
        lower = clause.text[span.start - clause.offset : span.end - clause.offset]
        if opinion and (REACTION.match(lower) or REACTION_NOUN.search(lower)):
            return []
        evidence = evidence_at(self.turn.text, clause.start, clause.end)
        scope = scoped(clause.text, span.end - clause.offset) or scoped(clause.before, 0)
        made: list[Operation] = []
        for part in [span] if pattern.proper or pattern.value else items(self.turn.text, span):
            value = pattern.value or " ".join(self.turn.text[part.start : part.end].split())
            slot = self._slot(pattern, value, clause.text[: max(0, span.start - clause.offset)])
            if slot is None or evidence is None or not normalise(value) or len(value) > 200:
                continue
            if slot.sensitivity == "special" and not locate(value, evidence.quote):
                continue
            preference = self._preference(
                slot, value, pattern.polarity, pattern.strength, pattern.confidence, scope
            )
            made.append(Operation(preference=preference, evidence=evidence))
        old = match.groupdict().get("old")
        if made and old:
            span_old = Span(clause.offset + match.start("old"), clause.offset + match.end("old"))
            made = [*self._retractions(span_old, clause), *made]
        return made

    def _slot(self, pattern: Pattern, value: str, before: str) -> Slot | None:
        """The slot that the pattern fixes, that the index finds, or an open one."""
        if pattern.slot:
            return self.template.slot(
                _kind_of_allergy(value) if pattern.slot == ALLERGY_SLOT else pattern.slot
            )
        held = self._held_slot(value) if pattern.polarity != "neutral" else None
        if held is not None:
            return held
        without = (
            _LIKED
            if pattern.polarity == "like"
            else _UNLIKED
            if pattern.polarity in ("dislike", "avoid")
            else ""
        )
        best = self.index.best(value, before, without=without)
        named = self._domain(pattern, value)
        if named is not None and (
            pattern.polarity == "avoid"
            or best is None
            or best.score < _SURE
            or best.slot.category != named.category
        ):
            return named
        if (
            best is not None
            and best.slot.sensitivity != "special"
            and best.score >= max(_CLEAR, pattern.needs)
        ):
            return best.slot
        if pattern.needs or pattern.polarity == "neutral":
            return None
        category = best.slot.category if best is not None else "interests"
        names = _PLACES[pattern.polarity]
        return self.template.slot(
            f"{category if category in names else 'interests'}.other.{names['interests']}"
        )

    def _domain(self, pattern: Pattern, value: str) -> Slot | None:
        """The slot for opinions on such things, by the head of the value."""
        head = head_of(value).casefold()
        for regex, places in DOMAINS if pattern.polarity in _PLACES else ():
            if regex.search(head):
                return self.template.slot(places[pattern.polarity])
        return None

    def _held_slot(self, value: str) -> Slot | None:
        """The slot in which the profile already holds this very value: what is said now is about it."""
        for slot, held in self.profile.current.items():
            if any(normalise(h.preference.value) == normalise(value) for h in held):
                return self.template.slot(slot)
        return None

    def _retractions(self, span: Span, clause: Clause) -> list[Operation]:
        """The ends of those values in the profile that the words of the span name."""
        named = set(words(self.turn.text[span.start : span.end]))
        evidence = evidence_at(self.turn.text, clause.start, clause.end)
        if not named or evidence is None:
            return []
        return [
            Operation(action="retract", preference=held.preference, evidence=evidence)
            for all_held in self.profile.current.values()
            for held in all_held
            if _names(named, set(words(held.preference.value))) and self.template.slot(held.preference.slot)
        ]

    def _preference(
        self,
        slot: Slot,
        value: str,
        polarity: Polarity,
        strength: float,
        confidence: float,
        scope: str | None,
    ) -> Preference:
        return Preference(
            slot=slot.id,
            value=value,
            polarity=polarity,
            strength=strength,
            confidence=confidence,
            scope=scope,
            kind=slot.kind,
        )


def _kind_of_allergy(value: str) -> str:
    lower = value.casefold()
    if _DRUGS.search(lower):
        return "consumption.medication.reaction"
    return "consumption.health.sensitivity" if _SENSITIVITIES.search(lower) else ALLERGY_SLOT


def _names(said: set[str], held: set[str]) -> bool:
    """Whether the words said name the value held: they hold all of its words, or it holds all of theirs."""
    return bool(said and held) and (held <= said or said <= held)
