"""GPT-4's own encoding, to hold estimates against; tiktoken would fetch it from the network.

``python -m tests.policies.cl100k OUT.npz`` writes the costs of the encoder's words that `budget.py` adds up.
"""

import sys
import warnings
from pathlib import Path

import numpy as np

from personalagent.policies.model import load_model

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # it opens its files in the old way
    import bpe_openai

    _ENCODING = bpe_openai.get_encoding("cl100k_base")


def tokens(text: str) -> int:
    """How many tokens the text really is."""
    return len(_ENCODING.encode(text))


def costs() -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """Tokens of every word of the encoder's vocabulary, [words, 3]; 0 for what is no word.

    In lower case after a space, with a capital after a space, and the dearer of both without a space.
    """
    vocabulary = load_model().tokenizer.get_vocab()
    found = np.zeros((len(vocabulary), 3), np.uint8)
    for word, number in vocabulary.items():
        if word.isascii() and word.isalpha():
            capital = word.capitalize()
            found[number] = (
                tokens(f" {word}"),
                tokens(f" {capital}"),
                max(tokens(word), tokens(capital)),
            )
    return found


if __name__ == "__main__":
    np.savez_compressed(Path(sys.argv[1]), costs=costs())
