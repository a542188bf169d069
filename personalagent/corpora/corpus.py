"""Conversation files, whatever their format: one dialogue a record, and a bad record stops no other.

A file is a JSON array of records, one record a line (jsonl), or one record. What it is, and the format
of each record, is told from the content; the name gives only the ids of what is unnamed in it.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from personalagent.corpora import aloe, messages, prefeval
from personalagent.corpora.messages import Origin
from personalagent.corpora.records import Fault, values
from personalagent.dialogue import Dialogue, Frozen, clean


class BadRecord(Frozen):
    """A record, or a whole file, that is no dialogue, and why."""

    path: Path
    line: int
    reason: str


class Format(NamedTuple):
    """How records of a format are told from others, and what makes a dialogue of one."""

    recognises: Callable[[object], bool]
    dialogue: Callable[[object, Origin], Dialogue]


FORMATS = {
    "aloe": Format(aloe.recognises, aloe.dialogue),
    "prefeval": Format(prefeval.recognises, prefeval.dialogue),
    "messages": Format(messages.recognises, messages.dialogue),
}


def read(path: Path, *, user: str | None = None) -> Iterator[Dialogue | BadRecord]:
    """The dialogues of a file in their order, one a record, each as soon as it is read.

    `user` is whose messages they are where a record does not say it. Ids, and therefore the keys of the
    turns, depend on the file's stem and the record's place alone. What cannot be read is a `BadRecord`.
    Records without a time are taken to have been said now, a hundredth of a second after each other.
    """
    now, stem = datetime.now(UTC), clean(path.stem)
    try:
        for number, piece in enumerate(values(path, is_record=_is_record)):
            if isinstance(piece, Fault):
                yield _bad(path, piece.line, piece.reason)
                continue
            origin = Origin(stem=stem, number=number, at=now + timedelta(milliseconds=10 * number), user=user)
            try:
                made = _format(piece.value).dialogue(piece.value, origin)
            except ValueError as error:
                yield _bad(path, piece.line, str(error))
            else:
                yield made
    except OSError as error:
        yield _bad(path, 1, f"the file cannot be read: {error.strerror or error}")


def _bad(path: Path, line: int, reason: str) -> BadRecord:
    return BadRecord(path=path, line=line, reason=" ".join(clean(reason).split())[:300])


def _is_record(value: object) -> bool:
    return any(known.recognises(value) for known in FORMATS.values())


def _format(value: object) -> Format:
    for known in FORMATS.values():
        if known.recognises(value):
            return known
    raise ValueError(f"no record of a known format ({', '.join(FORMATS)})")
