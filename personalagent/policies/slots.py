"""Which slots, and which kinds of requests, a piece of text is about: an index over a template's cues."""

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from personalagent.dialogue import Frozen
from personalagent.policies.per_template import PerTemplate
from personalagent.profile.template import Slot, Template

_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)*(?:\+\+|#)?")
_STOP_WORDS = """
a about after all am an and any anything are as at be been before but by can can't could day did do does
don't doing else for from get go good had has have he her him his how i i'd i'll i'm i've if in into is
it it's its just kind like long lot love make me many more most much my new no not of off on one only or
other our out over people really she so some something take than that that's the their them then there
these they thing this those time to too try up us use usually very want was we well were what when where
which who will with work would year you your hate never always prefer avoid favorite favourite enjoy
dislike
"""
_STOP = frozenset(_STOP_WORDS.split())
_LONGEST_CUE = 6
"""Words; longer cues are matched by their single words only."""
_PART, _EXAMPLE, _NAME = 0.3, 0.5, 0.4
"""How much a word counts that is only part of a cue, of an example, of the slot's name."""
_TELLING = 5
"""Letters; shorter words that are whole examples ("low") are met everywhere."""
_MODIFIER = re.compile(
    r"\b(?:that|who|which|with|for|of|over|than|rather|in|without|about|from|to|due|at"
    r"|on)\b",
    re.IGNORECASE,
)
"""Where a noun phrase leaves its head: what comes after says less of what it is about."""
_CONTEXT = 0.4
"""How much the sentence around a value counts beside the value itself."""


class Scored(Frozen):
    """A slot and how well it fits; scores of one text compare, those of two texts roughly do."""

    slot: Slot
    score: float


class SlotIndex:
    """Finds slots by cues, examples and names, rarer words weighing more (IDF)."""

    def __init__(self, template: Template) -> None:
        slots = tuple(template.slots.values())
        self._slots = slots
        self._idf = _idf(slots)
        self._words: dict[str, dict[int, float]] = defaultdict(dict)
        self._phrases: dict[tuple[str, ...], dict[int, float]] = defaultdict(dict)
        for number, slot in enumerate(slots):
            self._add(number, slot)
        self._kinds: dict[tuple[str, ...], list[str]] = defaultdict(list)
        for kind in template.requests:
            for cue in kind.cues:
                self._kinds[words(cue)].append(kind.id)
        self._needed: dict[str, list[tuple[str, float]]] = defaultdict(list)
        for slot in slots:
            for wanted, weight in slot.needed_for.items():
                self._needed[wanted].append((slot.id, weight))

    def best(self, text: str, context: str = "", *, without: str = "") -> Scored | None:
        """The slot that the text speaks of most, none whose id matches the pattern `without`.

        `context` is the sentence around the text.
        """
        totals = self._totals(words(text))
        if context:
            for number, score in self._totals(words(context)).items():
                totals[number] = totals.get(number, 0.0) + _CONTEXT * score
        head = head_of(text)
        if head != text:
            for number, score in self._totals(words(head)).items():
                totals[number] = totals.get(number, 0.0) + score
        named = self._named(words(head)) | self._named(words(context))
        totals = {number: score for number, score in totals.items() if number in named}
        for number in sorted(totals, key=lambda n: (-totals[n], n)):
            slot = self._slots[number]
            if not (without and re.search(without, slot.id)):
                return Scored(slot=slot, score=totals[number])
        return None

    def scores(self, tokens: tuple[str, ...]) -> npt.NDArray[np.float32]:
        """How well each slot fits the words (see `words`), [slots]; 0 where it shares none with them."""
        found = np.zeros(len(self._slots), np.float32)
        for number, score in self._totals(tokens).items():
            found[number] = score
        return found

    def kinds(self, text: str) -> tuple[str, ...]:
        """The kinds of requests whose cues stand in the text, the head noun's kind first.

        Longer cues win over shorter ones. In a run of cues side by side ("book club snacks") the last
        names the thing itself; apart from that, what comes first is taken to be what is asked for.
        """
        tokens = words(text)
        found: list[tuple[int, int, list[str]]] = []
        at = 0
        while at < len(tokens):
            for length in range(min(_LONGEST_CUE, len(tokens) - at), 0, -1):
                kinds = self._kinds.get(tokens[at : at + length])
                if kinds:
                    found.append((at, at + length, kinds))
                    at += length - 1
                    break
            at += 1
        head = 0
        while head + 1 < len(found) and found[head][1] == found[head + 1][0]:
            head += 1
        ordered = found[head : head + 1] + found[:head] + found[head + 1 :]
        return tuple(dict.fromkeys(kind for _, _, kinds in ordered for kind in kinds))

    def needed_for(self, kind: str) -> list[tuple[str, float]]:
        """The slots that a request of this kind depends on, with their weights."""
        return self._needed.get(kind, [])

    def _add(self, number: int, slot: Slot) -> None:
        for cue in slot.cues:
            tokens = words(cue)
            if tokens:
                weight = sum(self._weight(token) for token in tokens)
                _raise(self._phrases[tokens], number, weight if len(tokens) > 1 else max(weight, 1.0))
        for example in slot.examples:
            tokens = words(example)
            if 1 < len(tokens) <= _LONGEST_CUE or (len(tokens) == 1 and len(tokens[0]) >= _TELLING):
                _raise(self._phrases[tokens], number, sum(self._weight(token) for token in tokens) * _PART)
        for text, share in _loose_texts(slot):
            for token in words(text):
                if token not in _STOP:
                    _raise(self._words[token], number, share * self._weight(token))

    def _weight(self, token: str) -> float:
        return 0.3 if token in _STOP else self._idf.get(token, 0.0)

    def _named(self, tokens: tuple[str, ...]) -> set[int]:
        """The slots that the text names by a whole cue or a whole example."""
        found: set[int] = set()
        for at in range(len(tokens)):
            for length in range(1, min(_LONGEST_CUE, len(tokens) - at) + 1):
                found.update(self._phrases.get(tokens[at : at + length], ()))
        return found

    def _totals(self, tokens: tuple[str, ...]) -> dict[int, float]:
        totals: dict[int, float] = {}
        for token in set(tokens):
            for number, weight in self._words.get(token, {}).items():
                totals[number] = totals.get(number, 0.0) + weight
        seen: set[tuple[str, ...]] = set()
        for at in range(len(tokens)):
            for length in range(1, min(_LONGEST_CUE, len(tokens) - at) + 1):
                phrase = tokens[at : at + length]
                if phrase in self._phrases and phrase not in seen:
                    seen.add(phrase)
                    for number, weight in self._phrases[phrase].items():
                        totals[number] = totals.get(number, 0.0) + weight
        return totals


def words(text: str) -> tuple[str, ...]:
    """The lower-case words of a text without plural endings, as cues are compared."""
    return tuple(_stem(word) for word in _WORD.findall(text.replace("’", "'").casefold()))


def head_of(text: str) -> str:
    """A noun phrase up to where its modifiers begin: "games" of "games with pixel graphics"."""
    cut = _MODIFIER.search(text)
    return text[: cut.start()] if cut and cut.start() else text


slot_index = PerTemplate(SlotIndex)
"""The index of a template."""


def _stem(word: str) -> str:
    word = word.removesuffix("'s")
    if len(word) > 4 and word.endswith(("sses", "xes", "ches", "shes")):
        return word[:-2]
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    return word


def _idf(slots: Iterable[Slot]) -> dict[str, float]:
    spread: Counter[str] = Counter()
    total = 0
    for slot in slots:
        total += 1
        spread.update({token for text, _ in _loose_texts(slot) for token in words(text)})
    return {token: math.log(1 + total / count) for token, count in spread.items()}


def _loose_texts(slot: Slot) -> list[tuple[str, float]]:
    """What a slot's single words are taken from, and how much they count."""
    return [
        *((cue, _PART) for cue in slot.cues),
        *((example, _EXAMPLE) for example in slot.examples),
        (slot.name, _NAME),
    ]


def _raise(weights: dict[int, float], number: int, weight: float) -> None:
    weights[number] = max(weights.get(number, 0.0), weight)
