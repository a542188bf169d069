"""The JSON values of a file one by one, with the lines they start on; what is none becomes a `Fault`."""

import json
import re
from collections.abc import Callable, Generator, Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import BinaryIO, NamedTuple

from personalagent.corpora.messages import is_message

_BOM = b"\xef\xbb\xbf"
_SPACE = re.compile(r"[ \t\r\n]*")
_DECODER = json.JSONDecoder()


class Value(NamedTuple):
    """A value, and the line on which it starts."""

    line: int
    value: object


class Fault(NamedTuple):
    """A line that holds no value, and why."""

    line: int
    reason: str


def values(path: Path, *, is_record: Callable[[object], bool]) -> Iterator[Value | Fault]:
    """The elements of an array, the values of a jsonl file's lines, or the one value of a file.

    A list of messages is one value. An array ends at its first syntax error, a jsonl file goes on after
    it; `is_record` helps to tell them apart where the first line is broken. Raises `OSError`.
    """
    with path.open("rb") as file:
        head = _head(file)
        filled = [line for line in head if not _blank(line)]
        if not filled:
            yield Fault(1, "the file is empty")
        elif _is_whole(filled[0], alone=len(filled) == 1):
            yield from _lines(chain(head, file))
        else:
            yield from _document(b"".join(chain(head, file)), is_record)


def _head(file: BinaryIO) -> list[bytes]:
    """The lines up to the second that is not blank: as many as tell a jsonl file from others."""
    head: list[bytes] = []
    filled = 0
    while filled < 2 and (line := file.readline()):
        head.append(line)
        filled += not _blank(line)
    return head


def _blank(line: bytes) -> bool:
    return not line.removeprefix(_BOM).strip()


def _is_whole(line: bytes, *, alone: bool) -> bool:
    """Whether a line is whole by itself; a list that is the only line is an array instead."""
    try:
        value = _json(line)
    except ValueError:
        return False
    return isinstance(value, dict) or (isinstance(value, list) and not alone)


def _lines(lines: Iterable[bytes]) -> Iterator[Value | Fault]:
    for number, line in enumerate(lines, start=1):
        if _blank(line):
            continue
        try:
            value = _json(line)
        except ValueError as error:
            yield _fault(error, number)
        else:
            yield Value(number, value)


def _json(line: bytes) -> object:
    text = line.decode("utf-8-sig")
    value, end = _decode(text, 0)
    _end(text, end)
    return value


def _decode(text: str, place: int) -> tuple[object, int]:
    """The value from there on, and where it ends. Raises `JSONDecodeError`, whatever is wrong."""
    place = _skip(text, place)
    try:
        return _DECODER.raw_decode(text, place)
    except json.JSONDecodeError:
        raise
    except RecursionError:
        raise json.JSONDecodeError("nested too deeply", text, place) from None
    except ValueError as error:  # a number with more digits than Python converts
        raise json.JSONDecodeError(str(error), text, place) from None


def _document(data: bytes, is_record: Callable[[object], bool]) -> Iterator[Value | Fault]:
    """The records of one JSON document, or of a jsonl file whose first line is broken."""
    begun = False
    try:
        for value in _decoded(data.decode("utf-8-sig")):
            begun = True
            yield value
    except ValueError as error:
        if not begun and _has_record_line(data, is_record):
            yield from _lines(data.split(b"\n"))
        else:
            yield _fault(error)
    else:
        if not begun:
            yield Fault(1, "the file holds no record")


def _has_record_line(data: bytes, is_record: Callable[[object], bool]) -> bool:
    """Whether some line is by itself a record that opens as the file does."""
    opener = data.removeprefix(_BOM).lstrip()[:1]
    return any(
        _is_whole(line, alone=False) and is_record(_json(line))
        for line in data.split(b"\n")
        if line[:1] == opener or opener not in b"[{"
    )


def _decoded(text: str) -> Iterator[Value]:
    start = _skip(text, 0)
    if text[start : start + 1] == "[" and not _is_message_list(text, start):
        end = yield from _elements(text, start)
        _end(text, end)
    else:
        value, end = _decode(text, start)
        _end(text, end)
        yield Value(text.count("\n", 0, start) + 1, value)


def _is_message_list(text: str, start: int) -> bool:
    try:
        first, _ = _decode(text, start + 1)
    except ValueError:
        return False
    return is_message(first)


def _elements(text: str, start: int) -> Generator[Value, None, int]:
    """The elements of the array that starts there; returns where it ends."""
    line, counted, place = 1, 0, _skip(text, start + 1)
    if text[place : place + 1] == "]":
        return place + 1
    while True:
        line, counted = line + text.count("\n", counted, place), place
        value, end = _decode(text, place)
        yield Value(line, value)
        end = _skip(text, end)
        if text[end : end + 1] == "]":
            return end + 1
        if text[end : end + 1] != ",":
            raise json.JSONDecodeError("Expecting ',' delimiter", text, end)
        place = _skip(text, end + 1)


def _skip(text: str, place: int) -> int:
    found = _SPACE.match(text, place)
    return found.end() if found else place


def _end(text: str, place: int) -> None:
    rest = _skip(text, place)
    if rest < len(text):
        raise json.JSONDecodeError("Extra data", text, rest)


def _fault(error: ValueError, line: int | None = None) -> Fault:
    """What is wrong, and on which line unless that is known already."""
    if isinstance(error, json.JSONDecodeError):
        return Fault(line or error.lineno, f"not JSON: {error.msg} (column {error.colno})")
    before = error.object[: error.start] if isinstance(error, UnicodeDecodeError) else b""
    return Fault(line or before.count(b"\n") + 1, "not UTF-8")
