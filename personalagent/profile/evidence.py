"""No evidence, no write: the gate between what a policy proposes and what the log takes."""

import re
from typing import Literal

from personalagent.dialogue import Frozen, Turn
from personalagent.profile.preference import Evidence, Inference, Operation, normalise
from personalagent.profile.template import Slot, Template

Reason = Literal[
    "no evidence",
    "not the user's words",
    "empty value",
    "unknown slot",
    "special category: not stated outright",
    "special category: switched off",
]
SpecialCategories = Literal["stated", "never"]

_FOREIGN = re.compile(
    r"(?P<fence>```.*?(?:```|\Z))"
    r"|(?P<reply>^>[^\n]*$)"
    r"|(?P<mail>^(?:-{3,} ?(?:forwarded|original) message|on [^\n]{4,120} wrote:$"
    r"|from: [^\n]+\n(?:to|sent|date|subject):).*\Z)"
    r"|(?P<quote>[\"“«](?:[^\"“”«»\n]*?)[\"”»])",
    re.IGNORECASE | re.MULTILINE | re.DOTALL,
)
_DENIAL = re.compile(r"\b(?:no|nope|nah|none|not|nothing|never)\b|n['’]?t\b", re.IGNORECASE)
_ABSENT = re.compile(r"(?:no|none)\b", re.IGNORECASE)
_WORD = re.compile(r"[^\W_]")
_WORDS_OF_A_SENTENCE = 4
"""A shorter quotation is a title or a nickname that the user uses as her own word."""


class Rejection(Frozen):
    """A proposed operation that was not written, and why."""

    operation: Operation
    reason: Reason


class Gated(Frozen):
    """What is left of an inference behind the gate."""

    inference: Inference
    rejections: tuple[Rejection, ...] = ()


def gate(
    inference: Inference, turn: Turn, template: Template, special: SpecialCategories = "stated"
) -> Gated:
    """The inference with what its turn does not prove taken out, and every rejection with its reason.

    Evidence must be a span of the user's own words in this very turn: neither of the reply before
    it, nor of text that the user quotes or pastes. Slots of special categories (health, belief,
    politics, orientation, ethnicity, disability) need the value in so many words, or with
    ``special="never"`` are not written at all.
    """
    foreign = foreign_spans(turn.text)
    kept: list[Operation] = []
    rejections: list[Rejection] = []
    for operation in inference.operations:
        checked = _check(operation, turn, template, special, foreign)
        if isinstance(checked, Operation):
            kept.append(checked)
        else:
            rejections.append(Rejection(operation=operation, reason=checked))
    classification = inference.classification if kept else "none"
    needs = inference.needs and tuple(need for need in inference.needs if template.slot(need.slot))
    left = {"operations": tuple(kept), "classification": classification, "needs": needs}
    return Gated(inference=inference.model_copy(update=left), rejections=tuple(rejections))


def foreign_spans(text: str) -> list[tuple[int, int]]:
    """Where the text holds words that are not the user's: code, quoted mail, quotations of a sentence."""
    return [
        match.span()
        for match in _FOREIGN.finditer(text)
        if match["quote"] is None or len(match["quote"].split()) >= _WORDS_OF_A_SENTENCE
    ]


def locate(quote: str, text: str) -> list[tuple[int, int]]:
    """Every place of the quote in the text; case and white space may differ, nothing else."""
    words = quote.split()
    if not words:
        return []
    pattern = r"\s+".join(re.escape(word) for word in words)
    return [match.span() for match in re.finditer(pattern, text, re.IGNORECASE)]


def _check(
    operation: Operation,
    turn: Turn,
    template: Template,
    special: SpecialCategories,
    foreign: list[tuple[int, int]],
) -> Operation | Reason:
    slot = template.slot(operation.preference.slot)
    if slot is None:
        return "unknown slot"
    if operation.action == "assert" and not _WORD.search(operation.preference.value):
        return "empty value"
    places = locate(operation.evidence.quote, turn.text)
    if not places:
        return "no evidence"
    own = [place for place in places if _is_own(place, operation.preference.value, turn.text, foreign)]
    if not own:
        return "not the user's words"
    if slot.sensitivity == "special" and operation.action == "assert":
        if special == "never":
            return "special category: switched off"
        if not _outright(operation, turn, slot):
            return "special category: not stated outright"
    return _stamped(operation, slot, turn.text, own[0])


def _is_own(place: tuple[int, int], value: str, text: str, foreign: list[tuple[int, int]]) -> bool:
    """Whether the place is the user's own words, and the value too where it stands in it word for word.

    A value in other words may rest on any of the place's words, so none of them may be foreign.
    """
    start, end = place
    if _covered(place, foreign):
        return False
    values = [(start + a, start + b) for a, b in locate(value, text[start:end])]
    if values:
        return any(not _covered(span, foreign) for span in values)
    return all(end <= a or b <= start for a, b in foreign)


def _covered(span: tuple[int, int], foreign: list[tuple[int, int]]) -> bool:
    return any(start <= span[0] and span[1] <= end for start, end in foreign)


def _outright(operation: Operation, turn: Turn, slot: Slot) -> bool:
    if not operation.outright:
        return False
    said, value = _stems(operation.evidence.quote), _stems(operation.preference.value)
    denial = _ABSENT.match(operation.preference.value) and _DENIAL.search(operation.evidence.quote)
    if denial:  # "Nope" to "Any allergies?" says "no allergies" in so many words
        said |= _stems(turn.replying_to) | {"no", "none"}
    return turn.answers == slot.id or value <= said


def _stems(text: str) -> set[str]:
    """The words without their plural s: "nuts" is said outright by "a nut allergy"."""
    return {word.rstrip("s") or word for word in normalise(text).split()}


def _stamped(operation: Operation, slot: Slot, text: str, place: tuple[int, int]) -> Operation:
    """The operation with the text's own spelling of the quote, its offset, and the slot's kind."""
    evidence = Evidence(quote=text[place[0] : place[1]], start=place[0])
    preference = operation.preference.model_copy(update={"kind": slot.kind})
    return operation.model_copy(update={"preference": preference, "evidence": evidence})
