"""GPT-4's own encoding, to hold estimates against; tiktoken would fetch it from the network."""

import warnings

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # it opens its files in the old way
    import bpe_openai

    _ENCODING = bpe_openai.get_encoding("cl100k_base")


def tokens(text: str) -> int:
    """How many tokens the text really is."""
    return len(_ENCODING.encode(text))
