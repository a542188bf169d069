"""The index in Chroma: vectors outlive the process. It holds no text, and is rebuilt from the log if lost.

One process writes to a folder at a time (Chroma's persistent client is not safe for more); several share a
Chroma server.
"""

import asyncio
import fcntl
import hashlib
import logging
import shutil
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import chromadb
import numpy as np
from chromadb.api import ClientAPI
from chromadb.api.models.Collection import Collection
from chromadb.api.shared_system_client import SharedSystemClient
from chromadb.config import Settings

from personalagent.errors import BackendError, PersonalAgentError
from personalagent.policies.embedding import Embedder
from personalagent.profile.history import Held
from personalagent.profile.profile import Profile
from personalagent.profile.template import Template
from personalagent.stores.index import NEAREST, Related, bearing, texts_of

PREFIX = "preferences-"
_SETTINGS = Settings(anonymized_telemetry=False)
_log = logging.getLogger(__name__)
Result = TypeVar("Result")


class ChromaIndex:
    """One collection, a row for every current preference; ids and users are digests."""

    def __init__(self, address: str, embedder: Embedder | None = None) -> None:
        """`address` is a folder, or ``http://HOST:PORT`` of a server.

        Raises `BackendError` if another process writes to the folder, or the server does not answer.
        """
        self.embedder = embedder or Embedder()
        self._address = address
        self._turn = threading.Lock()
        self._lock = None if address.startswith("http") else _locked(Path(address))
        self._collection = self._opened()

    async def related(
        self, user: str, request: str, profile: Profile, template: Template
    ) -> tuple[Related, ...]:
        """See `PreferenceIndex`. What the collection lacks is added, what no longer holds is taken out."""
        texts = texts_of(profile, template)
        if not request.strip():
            return ()
        return await asyncio.to_thread(
            self._safely, lambda: self._related(_digest(user), request, texts, template)
        )

    async def erase(self, user: str) -> None:
        """Delete the user's rows."""
        await asyncio.to_thread(self._safely, lambda: self._collection.delete(where={"user": _digest(user)}))

    def close(self) -> None:
        """Let another process write to the folder."""
        if self._lock is not None:
            self._lock.close()

    def _related(
        self, owner: str, request: str, texts: Mapping[str, tuple[str, Held]], template: Template
    ) -> tuple[Related, ...]:
        self._level(owner, texts)
        if not texts:
            return ()
        vector = self.embedder.embed([request])[0]
        found = self._collection.query(
            query_embeddings=np.asarray([vector]),
            n_results=min(NEAREST, len(texts)),
            where={"user": owner},
            include=[],
        )
        near = [texts[row[len(owner) :]][1] for row in found["ids"][0]]
        return bearing(self.embedder, request, vector, near, template)

    def _level(self, owner: str, texts: Mapping[str, tuple[str, Held]]) -> None:
        """Make the user's rows those of the profile: the log is the truth."""
        there = set(self._collection.get(where={"user": owner}, include=[])["ids"])
        wanted = {owner + key: text for key, (text, _) in texts.items()}
        missing = [row for row in wanted if row not in there]
        if gone := sorted(there - wanted.keys()):
            self._collection.delete(ids=gone)
        if missing:
            vectors = self.embedder.embed([wanted[row] for row in missing])
            self._collection.upsert(
                ids=missing, embeddings=np.asarray(vectors), metadatas=[{"user": owner} for _ in missing]
            )

    def _safely(self, work: Callable[[], Result]) -> Result:
        """Do the work; if that fails, build a damaged folder anew, or look at the server again, and retry."""
        with self._turn:
            try:
                return work()
            except PersonalAgentError:  # a missing model is no damage of the index
                raise
            except Exception as error:  # Chroma's core raises whatever its storage does
                if self._address.startswith("http"):
                    self._collection = self._opened()  # it may have been started anew, with nothing in it
                else:
                    self._rebuilt(error)
                return work()

    def _opened(self) -> Collection:
        try:
            return self._collection_of(_client(self._address))
        except PersonalAgentError:
            raise
        except Exception as error:  # as above
            if self._address.startswith("http"):
                raise BackendError(f"no Chroma server at {self._address}: {error}") from error
            return self._rebuilt(error)

    def _rebuilt(self, error: Exception) -> Collection:
        _log.warning("the index in %s is damaged and is built anew: %s", self._address, error)
        SharedSystemClient.clear_system_cache()
        shutil.rmtree(_own(self._address), ignore_errors=True)  # nothing but the index is in there
        try:
            self._collection = self._collection_of(_client(self._address))
        except PersonalAgentError:
            raise
        except Exception as again:  # as above
            raise BackendError(f"cannot keep an index in {self._address}: {again}") from again
        return self._collection

    def _collection_of(self, client: ClientAPI) -> Collection:
        """This model's collection; those of other models are dropped."""
        name = PREFIX + self.embedder.version
        for one in client.list_collections():
            if one.name.startswith(PREFIX) and one.name != name:
                client.delete_collection(one.name)
        space: Any = {"hnsw": {"space": "cosine"}}
        return client.get_or_create_collection(name, embedding_function=None, configuration=space)


def _client(address: str) -> ClientAPI:
    if not address.startswith("http"):
        return chromadb.PersistentClient(path=_own(address), settings=_SETTINGS)
    scheme, _, rest = address.partition("://")
    host, _, port = rest.rstrip("/").partition(":")
    return chromadb.HttpClient(host=host, port=int(port or 8000), ssl=scheme == "https", settings=_SETTINGS)


def _locked(folder: Path) -> Any:
    """The folder's lock, held until it is closed; the system lets go of it should the process die."""
    folder.mkdir(parents=True, exist_ok=True)
    lock = (folder / _LOCK).open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.close()
        raise BackendError(f"another process writes to the index in {folder}") from error
    return lock


_LOCK = "writer.lock"


def _own(folder: str) -> Path:
    """The part of the user's folder that is the index's alone: what is damaged is deleted, and no more."""
    return Path(folder) / "preferences"


def _digest(user: str) -> str:
    return hashlib.sha256(user.encode()).hexdigest()[:32]
