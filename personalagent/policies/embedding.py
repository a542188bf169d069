"""Requests and preferences: which lie near to each other, and which of the near ones bear on a request."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from personalagent.policies.model import Floats, load_model
from personalagent.profile.preference import Preference, describe
from personalagent.profile.template import Template


class Embedder:
    """The retrieval side of the embedded model; the same for every policy."""

    def __init__(self, folder: Path | None = None) -> None:
        """The model in `folder`, or the one that ships; opened on first use (`ModelError`)."""
        self._folder = folder

    @property
    def related(self) -> float:
        """The probability from which a preference goes with a request; set by `make model`."""
        return load_model(self._folder).card.thresholds.related

    @property
    def settles(self) -> float:
        """The probability from which a preference is enough to answer a request by."""
        return load_model(self._folder).card.thresholds.settles

    @property
    def version(self) -> str:
        """Tells vectors of one model from those of another."""
        return load_model(self._folder).card.files["encoder.onnx"][:12]

    def embed(self, texts: Sequence[str]) -> Floats:
        """The texts' vectors, [texts, 384], of length one: requests and preferences alike."""
        return load_model(self._folder).embed(texts)

    def bears(self, request: str, preferences: Sequence[str]) -> Floats:
        """How likely each preference bears on the request, [preferences]."""
        return load_model(self._folder).bears(request, [known_text(text) for text in preferences])


def known_text(preference: str) -> str:
    """What is held against a request of a preference (see `preference_text`)."""
    return f"known: {preference}"


def preference_text(preference: Preference, template: Template) -> str:
    """What the encoder reads of a preference: the slot's name and the value with its polarity."""
    slot = template.slot(preference.slot)
    return f"{slot.name if slot else preference.slot}: {describe(preference)}"


def unit(vectors: Floats) -> Floats:
    """The vectors (along the last axis) at length one; zeros stay zeros."""
    scaled: Floats = vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-12)
    return scaled
