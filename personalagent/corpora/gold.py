"""The project's own corpus: dialogues with gold operations, requests with gold needs (see docs/datasheet.md).

Six files of JSON lines in `corpora/data/`: ``dialogues`` and ``requests``, which are split by persona,
``second``, another annotation of some of the test split, and ``utterances``, ``plain`` and ``askings`` for
training alone.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from importlib import resources
from pathlib import Path
from typing import Literal, TypeVar

from pydantic import Field, ValidationError

from personalagent.dialogue import Dialogue, Frozen, Session, Turn
from personalagent.errors import DataError
from personalagent.profile.log import edit_entry
from personalagent.profile.preference import (
    Action,
    Classification,
    Evidence,
    Inference,
    Operation,
    Polarity,
    Preference,
)
from personalagent.profile.profile import Profile, fold
from personalagent.profile.template import Template

Split = Literal["train", "dev", "test"]
Reason = Literal[
    "third_party",
    "one_off",
    "hypothetical",
    "quote",
    "sarcasm",
    "pasted",
    "injection",
    "suggestion",
    "question",
    "past",
]
START = datetime(2026, 1, 5, 9, tzinfo=UTC)
Row = TypeVar("Row", bound=Frozen)


class GoldOperation(Frozen):
    """One change of the profile that a turn states."""

    action: Action = "assert"
    slots: tuple[str, ...] = Field(min_length=1, description="the best first; the others are as good")
    polarity: Polarity = "neutral"
    value: str = Field(
        description="asserted: a span of the turn; retracted: the value as it was stated before"
    )
    mention: str | None = Field(None, description="retracted: the words of this turn that name it")
    evidence: str
    scope: str | None = None


class NotStated(Frozen):
    """A span that looks like a fact about the user and is none, and why."""

    reason: Reason
    span: str


class GoldTurn(Frozen):
    """A user message with all that it says lastingly about the user, and the reply it got."""

    user: str
    assistant: str = ""
    classification: Classification
    operations: tuple[GoldOperation, ...] = ()
    not_stated: tuple[NotStated, ...] = ()


class GoldDialogue(Frozen):
    """One conversation of a persona; those of a persona stand in their order."""

    id: str
    persona: str
    about: str
    split: Split
    turns: tuple[GoldTurn, ...]


class Held(Frozen):
    """A line of a profile."""

    slot: str
    polarity: Polarity
    value: str


class GoldRequest(Frozen):
    """A request, the slots that it depends on (2: decides, 1: helps), and a profile that suffices or not."""

    persona: str
    split: Split
    request: str
    kind: str | None
    needs: dict[str, Literal[1, 2]] = Field({})
    unneeded: tuple[str, ...] = Field((), description="slots that were judged, and are not needed")
    profile: tuple[Held, ...] = ()
    decision: Literal["answer", "ask"]


class Utterance(Frozen):
    """A single message with its values marked; no slots: it says nothing lasting."""

    text: str
    replying_to: str = ""
    slots: tuple[str, ...] = ()
    mark: Polarity | Literal["retract"] | None = None
    values: tuple[tuple[int, int], ...] = ()


class Plain(Frozen):
    """The plainest ways of stating a slot ("{}" is the value), and values that fit each of them."""

    slot: str
    mark: Polarity
    says: tuple[str, ...]
    values: tuple[str, ...]


class Asking(Frozen):
    """A request and its kind; None: it depends on nobody's preferences."""

    kind: str | None
    request: str


def dialogues(folder: Path | None = None, *splits: Split) -> tuple[GoldDialogue, ...]:
    """The dialogues of the splits (all, if none is named), in the order of the file."""
    return tuple(d for d in _rows(folder, "dialogues", GoldDialogue) if not splits or d.split in splits)


def second() -> tuple[GoldDialogue, ...]:
    """Some dialogues of the test split as a second annotator read them, who knew the first reading not."""
    return tuple(_rows(None, "second", GoldDialogue))


def requests(folder: Path | None = None, *splits: Split) -> tuple[GoldRequest, ...]:
    """The requests of the splits (all, if none is named)."""
    return tuple(r for r in _rows(folder, "requests", GoldRequest) if not splits or r.split in splits)


def utterances(folder: Path | None = None) -> tuple[Utterance, ...]:
    """The single messages for training."""
    return tuple(_rows(folder, "utterances", Utterance))


def plain(folder: Path | None = None) -> tuple[Plain, ...]:
    """The plain statements for training."""
    return tuple(_rows(folder, "plain", Plain))


def askings(folder: Path | None = None) -> tuple[Asking, ...]:
    """The requests by kind, for training."""
    return tuple(_rows(folder, "askings", Asking))


def inference_of(told: GoldTurn) -> Inference:
    """The inference that a turn's gold amounts to; each operation in the best of its slots."""
    operations = tuple(
        Operation(
            action=one.action,
            preference=Preference(slot=one.slots[0], value=one.value, polarity=one.polarity, scope=one.scope),
            evidence=Evidence(quote=one.evidence),
        )
        for one in told.operations
    )
    return Inference(operations=operations, classification=told.classification)


def history(persona: str, spoken: Sequence[GoldDialogue]) -> Dialogue:
    """A persona's dialogues as the history of a user; a dialogue a month."""
    return Dialogue(
        user=persona,
        sessions=tuple(
            Session(id=one.id, turns=tuple(_turns(one, START + timedelta(days=30 * number))))
            for number, one in enumerate(spoken)
        ),
    )


def profile_of(lines: Iterable[Held], template: Template, at: datetime = START) -> Profile:
    """A profile that holds these lines, as if the user had written them."""
    entries = []
    for line in lines:
        slot = template.slot(line.slot)
        preference = Preference(
            slot=line.slot,
            value=line.value,
            polarity=line.polarity,
            kind=slot.kind if slot else "many",
            confidence=0.9,
        )
        entries.append(edit_entry("pin", preference, at))
    return fold(entries)


def _turns(one: GoldDialogue, at: datetime) -> Iterator[Turn]:
    before = ""
    for index, gold in enumerate(one.turns):
        yield Turn(
            user=one.persona,
            session=one.id,
            index=index,
            text=gold.user,
            reply=gold.assistant,
            replying_to=before,
            at=at + timedelta(minutes=index),
        )
        before = gold.assistant


def _rows(folder: Path | None, name: str, kind: type[Row]) -> Iterator[Row]:
    """The lines of a file as rows. Raises `DataError` with file and line."""
    with resources.as_file(resources.files("personalagent.corpora") / "data") as shipped:
        path = (folder or shipped) / f"{name}.jsonl"
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except OSError as error:
            raise DataError(f"{path}: cannot be read: {error.strerror or error}") from error
    for number, line in enumerate(lines, start=1):
        try:
            yield kind.model_validate_json(line)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            raise DataError(f"{path}:{number}: {where}: {first['msg']}") from error
