"""Text to tokens: the reply that is answered as the first segment, the user's words as the second."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer

from personalagent.errors import ModelError
from personalagent.policies.clauses import sentences

Ints = npt.NDArray[np.int64]

CONTEXT = 28
"""Tokens of the reply that are kept: of its last questions, or of its end where it asks nothing."""
WINDOW = 128
"""Tokens of the user's words in one piece; longer messages are cut between sentences."""

REQUEST = 64
"""Tokens of a request that are held against slots and preferences, from its end."""
BESIDE = 40
"""Tokens of what it is held against."""

Window = tuple[int, int]


class Pieces(NamedTuple):
    """One window of a turn as tokens; offsets are into the turn's text, (0, 0) outside the user's words."""

    ids: list[int]
    segments: list[int]
    offsets: list[tuple[int, int]]


class Batch(NamedTuple):
    """Windows padded to one length, [windows, tokens]."""

    ids: Ints
    mask: Ints
    segments: Ints


def load_tokenizer(path: Path) -> Tokenizer:
    """The tokenizer without its own padding and cutting."""
    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer


def encode(tokenizer: Tokenizer, text: str, replying_to: str, sentences: Sequence[Window]) -> list[Pieces]:
    """The turn in windows of at most `WINDOW` tokens, each behind the same context.

    `sentences` are the stretches of the text to read; what lies between them is left out.
    """
    start, end = _marks(tokenizer)
    context = _context(tokenizer, replying_to)
    head = [start, *context, end]
    pieces: list[Pieces] = []
    for ids, offsets in _windows(tokenizer, text, sentences):
        pieces.append(
            Pieces(
                ids=[*head, *ids, end],
                segments=[0] * len(head) + [1] * (len(ids) + 1),
                offsets=[(0, 0)] * len(head) + offsets + [(0, 0)],
            )
        )
    return pieces


def _context(tokenizer: Tokenizer, replying_to: str) -> list[int]:
    places = sentences(replying_to.lower())
    asked = [(start, end) for start, end in places if "?" in replying_to[start:end]][-2:]
    if not asked:
        return tokenizer.encode(replying_to, add_special_tokens=False).ids[-CONTEXT:]
    text = " ".join(replying_to[start:end].strip() for start, end in asked)
    ids = tokenizer.encode(text, add_special_tokens=False).ids
    last = tokenizer.encode(replying_to[slice(*asked[-1])], add_special_tokens=False).ids[:CONTEXT]
    return ids[-CONTEXT:] if len(last) < CONTEXT else last


def pair(tokenizer: Tokenizer, request: str, text: str) -> Pieces:
    """A request with a text that may bear on it: a slot, or something known of the user."""
    start, end = _marks(tokenizer)
    asked = tokenizer.encode(request, add_special_tokens=False).ids[-REQUEST:]
    beside = tokenizer.encode(text, add_special_tokens=False).ids[:BESIDE]
    ids = [start, *asked, end, *beside, end]
    return Pieces(ids, [0] * (len(asked) + 2) + [1] * (len(beside) + 1), [(0, 0)] * len(ids))


def _marks(tokenizer: Tokenizer) -> tuple[int, int]:
    """The tokens that begin a text and end its parts."""
    start, end = tokenizer.token_to_id("[CLS]"), tokenizer.token_to_id("[SEP]")
    if start is None or end is None:
        raise ModelError("the tokenizer is not BERT's: it has no [CLS] or [SEP]")
    return start, end


def words_of(text: str, offsets: Sequence[tuple[int, int]]) -> list[int]:
    """For every token the number of the word that it belongs to; -1 outside the user's words."""
    numbers: list[int] = []
    word, reached = -1, 0
    for start, end in offsets:
        if end <= start:
            numbers.append(-1)
            continue
        joined = start == reached and start > 0 and text[start].isalnum() and text[start - 1].isalnum()
        word += not (joined and word >= 0)
        numbers.append(word)
        reached = end
    return numbers


def pad(pieces: Sequence[Pieces]) -> Batch:
    """The windows as arrays."""
    width = max((len(one.ids) for one in pieces), default=0)
    ids, mask, segments = (np.zeros((len(pieces), width), dtype=np.int64) for _ in range(3))
    for row, one in enumerate(pieces):
        ids[row, : len(one.ids)] = one.ids
        mask[row, : len(one.ids)] = 1
        segments[row, : len(one.ids)] = one.segments
    return Batch(ids, mask, segments)


def _windows(
    tokenizer: Tokenizer, text: str, sentences: Sequence[Window]
) -> list[tuple[list[int], list[tuple[int, int]]]]:
    """Sentences packed into windows; a sentence that is longer than a window is cut."""
    windows: list[tuple[list[int], list[tuple[int, int]]]] = []
    for begin, end in sentences:
        encoded = tokenizer.encode(text[begin:end], add_special_tokens=False)
        places = [(begin + a, begin + b) for a, b in encoded.offsets]
        for at in range(0, len(encoded.ids), WINDOW):
            ids, offsets = encoded.ids[at : at + WINDOW], places[at : at + WINDOW]
            if windows and len(windows[-1][0]) + len(ids) <= WINDOW:
                windows[-1] = (windows[-1][0] + ids, windows[-1][1] + offsets)
            else:
                windows.append((ids, offsets))
    return windows
