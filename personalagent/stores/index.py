"""Which preferences bear on a request: the index of their embeddings. Rebuildable, never the truth."""

import asyncio
import hashlib
import threading
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import NamedTuple, Protocol

import numpy as np

from personalagent.errors import BackendError
from personalagent.policies.embedding import Embedder, preference_text
from personalagent.policies.model import Floats
from personalagent.profile.history import Held
from personalagent.profile.profile import Profile
from personalagent.profile.template import Template

NEAREST = 12
"""Preferences nearest to the request, of which each is held against it."""
_REMEMBERED = 20_000
"""Vectors that the index in memory keeps: about 30 MB."""


class Related(NamedTuple):
    """A current preference that bears on the request, and how likely it does."""

    held: Held
    chance: float
    settles: bool
    """Whether it is enough to answer by, in the eyes of the reader."""


class PreferenceIndex(Protocol):
    """What the agent asks of an index."""

    async def related(
        self, user: str, request: str, profile: Profile, template: Template
    ) -> tuple[Related, ...]:
        """The user's current preferences that bear on the request, likeliest first."""
        ...

    async def erase(self, user: str) -> None:
        """Forget all that is kept of a user."""
        ...

    def close(self) -> None:
        """Let go of what is held open."""
        ...


class MemoryIndex:
    """Compares the request with every current preference; keeps vectors by text, in this process alone."""

    def __init__(self, embedder: Embedder | None = None) -> None:
        self.embedder = embedder or Embedder()
        self._vectors: dict[str, Floats] = {}
        self._changing = threading.Lock()

    async def related(
        self, user: str, request: str, profile: Profile, template: Template
    ) -> tuple[Related, ...]:
        """See `PreferenceIndex`."""
        texts = texts_of(profile, template)
        if not texts or not request.strip():
            return ()
        return await asyncio.to_thread(self._related, request, texts, template)

    async def erase(self, user: str) -> None:
        """Vectors are kept by a digest of their text, of nobody in particular; all are dropped."""
        self._vectors.clear()

    def close(self) -> None:
        """Nothing is held open."""

    def _related(
        self, request: str, texts: Mapping[str, tuple[str, Held]], template: Template
    ) -> tuple[Related, ...]:
        vector = self.embedder.embed([request])[0]
        nearness = self._stacked(texts) @ vector
        every = list(texts.values())
        near = [every[place][1] for place in np.argsort(-nearness)[:NEAREST]]
        return bearing(self.embedder, request, vector, near, template)

    def _stacked(self, texts: Mapping[str, tuple[str, Held]]) -> Floats:
        """The texts' vectors, [texts, 384]; the oldest ones are forgotten where there are too many."""
        with self._changing:
            missing = [key for key in texts if key not in self._vectors]
            vectors = self.embedder.embed([texts[key][0] for key in missing])
            self._vectors.update(zip(missing, vectors, strict=True))
            stacked = np.stack([self._vectors[key] for key in texts])
            for key in list(self._vectors)[: max(0, len(self._vectors) - _REMEMBERED)]:
                del self._vectors[key]
        return stacked


def open_index(url: str) -> PreferenceIndex:
    """The index at an address: ``memory:``, ``chroma:FOLDER``, or ``chroma+http://HOST:PORT``.

    Raises `BackendError` for an unknown address, or one that cannot be opened.
    """
    if url == "memory:":
        return MemoryIndex()
    kind, _, rest = url.partition("+" if url.startswith("chroma+http") else ":")
    if kind != "chroma" or not rest:
        raise BackendError(f"unknown index {url!r}: use memory:, chroma:FOLDER or chroma+http://HOST:PORT")
    opened: PreferenceIndex = import_module("personalagent.stores.chroma").ChromaIndex(rest)
    return opened


def index_at(url: str) -> PreferenceIndex | None:
    """What `open_index` opens; None at ``none:``, or where the address is empty."""
    return open_index(url) if url not in ("", "none:") else None


def bearing(
    embedder: Embedder, request: str, vector: Floats, near: Sequence[Held], template: Template
) -> tuple[Related, ...]:
    """Those of the near preferences that bear on the request, likeliest first."""
    found = [
        Related(held, one.chance, one.verdict >= embedder.settles)
        for held, one in zip(near, embedder.bearing(request, vector, near, template), strict=True)
        if one.chance >= embedder.related or one.verdict >= embedder.settles
    ]
    return tuple(sorted(found, key=lambda one: -one.chance))


def texts_of(profile: Profile, template: Template) -> dict[str, tuple[str, Held]]:
    """The current preferences and their texts, by a digest of the text."""
    texts = ((preference_text(h.preference, template), h) for held in profile.current.values() for h in held)
    return {hashlib.sha256(text.encode()).hexdigest()[:32]: (text, held) for text, held in texts}
