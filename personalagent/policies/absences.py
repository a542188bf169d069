"""What people say they have not got: "no allergies" is known, and need not be asked again."""

import re
from collections.abc import Sequence
from typing import NamedTuple

from personalagent.policies.clauses import sentences
from personalagent.policies.others import of_another


class Absence(NamedTuple):
    """A slot of which the user says that there is nothing, and where."""

    slot: str
    value: str
    start: int
    end: int


class _Subject(NamedTuple):
    slot: str
    value: str
    words: str


_SUBJECTS = (
    _Subject("consumption.diet.allergy", "no allergies", r"(?:food )?allerg(?:y|ies|ic)"),
    _Subject(
        "consumption.diet.restriction",
        "no dietary restrictions",
        r"(?:diet(?:s|ary)?(?: (?:restrictions?|requirements?|needs|preferences?|limitations?))?"
        r"|food restrictions?)",
    ),
)
_NONE = (
    r"(?:no|zero|not? (?:have )?any|don'?t (?:really )?have (?:any|an)|do not have (?:any|an)"
    r"|haven't (?:got )?any|without(?: any)?)"
)
_FEW_WORDS = r"(?:(?!but\b|except\b|and i\b)[\w'-]+ |, |or |/ ?){0,5}"
_DENIES = re.compile(
    r"(?:(?:well|oh|um+|hm+|ok|okay)[, ]+)*"
    r"(?:no\b|nope\b|none\b|nah\b|nothing\b|not (?:really|at all|that i know)\b"
    r"|i (?:don't|do not|dont)(?: (?:really )?(?:have any|think so)|\s*[.!,]|\Z)|i have no(?:ne)?\b)"
)
_BUT = re.compile(r"\b(?:but|except|other than|apart from|only|just|though|however|unless)\b")


def absences(lower: str, own: Sequence[tuple[int, int]], replying_to: str) -> list[Absence]:
    """What the user says there is nothing of, in so many words or to a question about it.

    `lower` is the text in lower case, `own` the places of the sentences in which she may speak of herself.
    """
    question = _last_question(replying_to.lower())
    found: list[Absence] = []
    for start, end in own:
        sentence = lower[start:end]
        for subject in _SUBJECTS:
            said = re.search(rf"\b{_NONE} {_FEW_WORDS}{subject.words}\b", sentence)
            said = said or re.search(rf"\bnot {subject.words} to any", sentence)
            if said and of_another(sentence, said.start()):
                continue
            denied = bool(
                not lower[:start].strip()
                and re.search(subject.words, question)
                and _DENIES.match(sentence.strip())
                and not any(re.search(one.words, sentence) for one in _SUBJECTS)
            )
            if (said or (denied and not _BUT.search(sentence))) and "?" not in sentence:
                found.append(Absence(subject.slot, subject.value, start, end))
    return list({one.slot: one for one in reversed(found)}.values())


def _last_question(reply: str) -> str:
    """The question that the reply ends with; several may stand together."""
    asked = [reply[start:end] for start, end in sentences(reply) if "?" in reply[start:end]]
    return asked[-1] if asked else ""
