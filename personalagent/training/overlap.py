"""Overlap with gold, which the paper holds its judge against (Figure 4): BLEU of texts, F1 of sets."""

import math
import re
from collections import Counter

from personalagent.corpora.gold import GoldTurn, inference_of
from personalagent.corpora.pairing import paired
from personalagent.errors import DataError
from personalagent.policies.notation import write_inference
from personalagent.policies.policy import Failure
from personalagent.training.episodes import Step, Told

LONGEST_NGRAM = 4
_TOKEN = re.compile(r"\w+|[^\w\s]")


def bleu(text: str, reference: str) -> float:
    """Sentence BLEU-4 of a text, 0 to 1 (Papineni et al. 2002), of words and punctuation marks.

    N-grams of two or more count with one added to both sides (Lin and Och 2004): a sentence may share none.
    """
    mine, theirs = _TOKEN.findall(text.casefold()), _TOKEN.findall(reference.casefold())
    if not mine or not theirs:
        return float(mine == theirs)
    total = 0.0
    for length in range(1, LONGEST_NGRAM + 1):
        own, gold = _ngrams(mine, length), _ngrams(theirs, length)
        shared, added = (own & gold).total(), int(length > 1)
        if not shared + added:
            return 0.0
        total += math.log((shared + added) / (own.total() + added))
    brevity = min(0.0, 1 - len(theirs) / len(mine))
    return math.exp(brevity + total / LONGEST_NGRAM)


def reply_bleu(step: Step) -> float:
    """BLEU of a step's reply against the reply that says the gold. Raises `DataError` if that is prose."""
    return bleu(step.reply, write_inference(inference_of(_operations(step)).model_copy(update={"needs": ()})))


def preference_f1(step: Step) -> float:
    """F1, 0 to 1, over the sets of a turn's preferences, proposed ones and gold ones paired one to one.

    It counts what the reply proposes before the gate; two empty sets are the same. A reply that cannot be
    parsed has 0. Raises `DataError` if the gold is prose.
    """
    told = _operations(step)
    if isinstance(step.inference, Failure):
        return 0.0
    mine = step.inference.operations
    whole = len(mine) + len(told.operations)
    return 2 * len(paired(mine, told.operations).pairs) / whole if whole else 1.0


def _operations(step: Step) -> GoldTurn:
    if isinstance(step.gold, Told):
        raise DataError(f"{step.turn.session}: its gold is prose: no overlap with operations can be counted")
    return step.gold


def _ngrams(tokens: list[str], length: int) -> Counter[tuple[str, ...]]:
    return Counter(tuple(tokens[at : at + length]) for at in range(len(tokens) - length + 1))
