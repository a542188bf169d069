"""What the policies that read by themselves share: evidence, answers, and what kind of turn it was."""

from personalagent.dialogue import Turn
from personalagent.policies.answers import LONGEST_ANSWER, answers, declined, unknown
from personalagent.policies.clauses import plain, sentences
from personalagent.profile.preference import Classification, Evidence, Operation, Preference
from personalagent.profile.profile import Profile
from personalagent.profile.template import Template

LONGEST_QUOTE = 400
"""Characters of a piece of evidence."""


def evidence_at(text: str, start: int, end: int) -> Evidence | None:
    """The stretch of the text as evidence, without white space around it; None if nothing is left."""
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    quote = text[start : min(end, start + LONGEST_QUOTE)]
    return Evidence(quote=quote, start=start) if quote.strip() else None


def refused(turn: Turn) -> bool:
    """Whether the turn declines the agent's question, or says that it has no answer."""
    return turn.answers is not None and (declined(turn.text) or unknown(turn.text))


def answered(turn: Turn, template: Template) -> tuple[list[Operation], int]:
    """What the turn answers to the agent's question, and where the answer ends; nothing, and 0, if none."""
    slot = template.slot(turn.answers) if turn.answers else None
    if slot is None or len(turn.text.split()) > LONGEST_ANSWER or refused(turn):
        return [], 0
    lower = plain(turn.text)
    first = next(iter(sentences(lower)), None)
    if first is None or lower[first[0] : first[1]] != lower[first[0] : first[1]].replace("\n\n", ""):
        return [], 0
    start, end = first
    evidence = evidence_at(turn.text, start, end)
    made = [
        Operation(
            preference=Preference(
                slot=slot.id,
                value=answer.value,
                polarity=answer.polarity,
                strength=0.7,
                confidence=0.9,
                kind=slot.kind,
            ),
            evidence=evidence,
        )
        for answer in answers(turn.text[start:end], slot)
        if evidence
    ]
    return made, end if made else 0


def classify(operations: tuple[Operation, ...], profile: Profile) -> Classification:
    """What kind of turn it was, from what it says and what was known before it."""
    asserted = [op.preference for op in operations if op.action == "assert"]
    if not asserted:
        return "retract" if operations else "none"
    if len(asserted) < len(operations):
        return "update"
    new = False
    for preference in asserted:
        same_cell = [
            h.preference
            for h in profile.current.get(preference.slot, ())
            if h.preference.cell == preference.cell
        ]
        if any(not held.says_the_same(preference) for held in same_cell):
            return "update"
        new = new or not same_cell
    return "new" if new else "none"
