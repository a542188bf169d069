"""How many tokens a text costs a language model, at most, without that model's tokenizer."""

import re
from functools import lru_cache
from importlib import resources

import numpy as np

from personalagent.policies.clauses import own_sentences, plain
from personalagent.policies.model import load_model
from personalagent.policies.others import names_user

_PIECE = re.compile(r"[A-Za-z]+|[0-9]+|[^\S\n]+|\n+|[^\x00-\x7f]+|.", re.DOTALL)
_LETTERS_A_TOKEN = 1.6
"""Of words that are no words: byte-pair vocabularies hold most pairs of letters, and some triples."""


_CUT, _CUT_COST = " …", 3


def tokens_at_most(text: str) -> float:
    """About how many tokens the text is in cl100k (GPT-4's encoding), rather too many than too few.

    Words that the encoder's vocabulary has count by a table of what they cost in cl100k (`costs.npz`, which
    `tests/policies/cl100k.py` made), other words by their letters, what is not ASCII by its bytes.
    """
    return sum(_cost(text, piece) for piece in _PIECE.finditer(text))


def shortened(text: str, limit: float) -> str:
    """The beginning of the text that costs at most `limit` tokens, cut between words, with an ellipsis."""
    spent, end = 0.0, 0
    for piece in _PIECE.finditer(text):
        spent += _cost(text, piece)
        if spent > limit:
            return f"{text[:end].rstrip()}{_CUT}" if end else ""
        if spent + _CUT_COST <= limit:
            end = piece.end()
    return text


def tidy(text: str) -> str:
    """The text without runs of white space; the gate does not mind them."""
    return re.sub(r"\n{3,}", "\n\n", re.sub(r"[^\S\n]+", " ", text))


def own_words(text: str, limit: float) -> str:
    """Of a text that costs more than `limit` tokens, the sentences that likeliest speak of the user.

    Code, quotations and texts handed over go first, then sentences that do not name her, the last
    ones first; what is left stands in its order.
    """
    if len(text) <= _SURELY_SHORT * limit and tokens_at_most(text) <= limit:
        return text
    lower = plain(text)
    spans = [(a, b) for a, b in own_sentences(text) if text[a:b].strip()]
    ranked = sorted(range(len(spans)), key=lambda n: not names_user(lower[spans[n][0] : spans[n][1]]))
    kept: list[int] = []
    left = limit
    for number in ranked:
        cost = tokens_at_most(text[slice(*spans[number])]) + 1
        if cost <= left:
            kept.append(number)
            left -= cost
    if kept:
        return " ".join(text[slice(*spans[number])].strip() for number in sorted(kept))
    return shortened(text[slice(*spans[ranked[0]])] if spans else text, limit)


_SURELY_SHORT = 12
"""Characters a token; a text that has more than so many is not worth counting."""


def _cost(text: str, piece: re.Match[str]) -> float:
    part = piece.group()
    length, first = len(part), part[0]
    if not part.isascii():
        return len(part.encode())
    if first.isalpha():
        return _word_cost(part, spaced=text[piece.start() - 1 : piece.start()] == " ")
    if first.isdigit():
        return -(-length // 3)
    if first.isspace() and first != "\n":
        following = text[piece.end() : piece.end() + 1]
        return 0 if length == 1 and not following.isdigit() and following else length
    return 1


def _word_cost(word: str, spaced: bool) -> float:
    number = load_model().tokenizer.token_to_id(word.lower())
    form = 2 if not spaced else 0 if word.islower() else 1
    if number is not None and (len(word) == 1 or word[1:].islower()) and (known := _costs()[number][form]):
        return known
    return len(word) / _LETTERS_A_TOKEN + 0.5


@lru_cache(maxsize=1)
def _costs() -> list[list[int]]:
    """Tokens of each word of the vocabulary, as `tests/policies/cl100k.py` says."""
    with (
        resources.as_file(resources.files("personalagent.policies") / "costs.npz") as path,
        np.load(path) as stored,
    ):
        found: list[list[int]] = stored["costs"].tolist()
    return found
