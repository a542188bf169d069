"""Requests and preferences: which lie near to each other, and which of the near ones bear on a request."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from personalagent.policies.chances import chance
from personalagent.policies.model import Floats, load_model
from personalagent.policies.per_template import PerTemplate
from personalagent.policies.wants import Wants
from personalagent.profile.history import Held
from personalagent.profile.preference import Preference, describe
from personalagent.profile.template import Template


class Bearing(NamedTuple):
    """How likely a preference bears on a request, and whether it does in the eyes of the reader alone."""

    chance: float
    """By the reader's verdict, and by how likely the request needs the preference's slot."""
    verdict: float


class Embedder:
    """The retrieval side of the embedded model; the same for every policy."""

    def __init__(self, folder: Path | None = None) -> None:
        """The model in `folder`, or the one that ships; opened on first use (`ModelError`)."""
        self._folder = folder
        self._wants = PerTemplate(lambda template: Wants(template, load_model(self._folder)))

    @property
    def related(self) -> float:
        """The probability from which a preference goes with a request; set by `make model`."""
        return load_model(self._folder).card.thresholds.related

    @property
    def settles(self) -> float:
        """The reader's verdict from which a preference is enough to answer a request by."""
        return load_model(self._folder).card.thresholds.settles

    @property
    def version(self) -> str:
        """Tells vectors of one model from those of another."""
        return load_model(self._folder).card.files["encoder.onnx"][:12]

    def embed(self, texts: Sequence[str]) -> Floats:
        """The texts' vectors, [texts, 384], of length one: requests and preferences alike."""
        return load_model(self._folder).embed(texts)

    def bearing(
        self, request: str, embedded: Floats, near: Sequence[Held], template: Template
    ) -> list[Bearing]:
        """How each of the preferences bears on the request, whose vector is `embedded`; in their order."""
        wants = self._wants(template)
        weights = wants.model.card.thresholds.bearing
        return [
            Bearing(chance(weights, verdict, likely), verdict)
            for verdict, likely in held_against(wants, request, embedded, near)
        ]


def held_against(
    wants: Wants, request: str, embedded: Floats, near: Sequence[Held]
) -> list[tuple[float, float]]:
    """The reader's verdict on each preference, and how likely the request needs its slot."""
    texts = [known_text(preference_text(held.preference, wants.template)) for held in near]
    likely = wants.likely(embedded, [held.preference.slot for held in near])
    return list(zip(wants.model.bears(request, texts).tolist(), likely, strict=True))


def known_text(preference: str) -> str:
    """What is held against a request of a preference (see `preference_text`)."""
    return f"known: {preference}"


def preference_text(preference: Preference, template: Template) -> str:
    """What the encoder reads of a preference: the slot's name and the value with its polarity."""
    slot = template.slot(preference.slot)
    return f"{slot.name if slot else preference.slot}: {describe(preference)}"
