"""Where logs and checkpoints are kept: ``memory:``, ``sqlite:PATH`` or ``postgresql://...``."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import aiosqlite
import psycopg
from aiosqlite.context import Result
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.store.base import BaseStore
from langgraph.store.memory import InMemoryStore
from langgraph.store.postgres.aio import AsyncPostgresStore
from langgraph.store.sqlite.aio import AsyncSqliteStore

from personalagent.errors import BackendError
from personalagent.stores.index import PreferenceIndex, index_at
from personalagent.stores.profiles import ProfileStore

BUSY_SECONDS = 30


@dataclass(frozen=True)
class Backend:
    """An open store and checkpointer that belong together."""

    url: str
    store: BaseStore
    checkpointer: BaseCheckpointSaver[Any]
    connections: tuple[aiosqlite.Connection, ...] = ()
    index: PreferenceIndex | None = None

    @property
    def profiles(self) -> ProfileStore:
        """The profiles in the store."""
        return ProfileStore(self.store)

    async def erase(self, user: str) -> int:
        """Delete everything about the user, checkpoints of all her threads and the index's rows included.

        Returns the number of deleted items and threads. With SQLite no byte stays in the file or
        its write-ahead log; Postgres frees the space at its next vacuum.
        """
        threads = await self.profiles.threads(user)
        for thread in threads:
            await self.checkpointer.adelete_thread(thread)
        count = await self.profiles.erase(user) + len(threads)
        if self.index is not None:
            await self.index.erase(user)
        for connection in self.connections:
            await connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return count


@asynccontextmanager
async def open_backend(url: str, index: str = "") -> AsyncIterator[Backend]:
    """Open store and checkpointer together, set up and ready; closed on leaving the context.

    `index` is the address of the index of preferences (see `index_at`).

    Raises `BackendError` for an unknown address, or one that cannot be opened.
    """
    found = await asyncio.to_thread(index_at, index)
    try:
        async with _stored(url) as backend:
            yield replace(backend, index=found)
    finally:
        if found is not None:
            found.close()


@asynccontextmanager
async def _stored(url: str) -> AsyncIterator[Backend]:
    scheme, _, rest = url.partition(":")
    if url == "memory:":
        yield Backend(url, InMemoryStore(), InMemorySaver())
    elif scheme == "sqlite" and rest:
        async with _sqlite(url, Path(rest)) as backend:
            yield backend
    elif scheme in ("postgresql", "postgres") and rest.startswith("//"):
        async with _postgres(url) as backend:
            yield backend
    else:
        raise BackendError(f"unknown backend {url!r}: use memory:, sqlite:PATH or postgresql://HOST/NAME")


@asynccontextmanager
async def _sqlite(url: str, path: Path) -> AsyncIterator[Backend]:
    async with AsyncExitStack() as stack:
        try:
            path = await asyncio.to_thread(_ready, path)
            for_store = await stack.enter_async_context(_connect(path, None))
            for_saver = await stack.enter_async_context(_connect(path, "DEFERRED"))
            store = await stack.enter_async_context(AsyncSqliteStore(for_store))
            saver = AsyncSqliteSaver(for_saver)
            await saver.setup()
            await store.setup()
        except (OSError, sqlite3.DatabaseError) as error:
            raise BackendError(f"cannot use {path} as a database: {error}") from error
        yield Backend(url, store, saver, (for_store, for_saver))


def _ready(path: Path) -> Path:
    path = path.expanduser()
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


class _Connection(aiosqlite.Connection):
    """Transactions take the write lock when they begin.

    The store reads and then writes in one deferred transaction; if another process commits in
    between, SQLite refuses the write at once, without waiting for the busy time-out.
    """

    def execute(self, sql: str, parameters: Iterable[Any] | None = None) -> Result[aiosqlite.Cursor]:
        """As the base class does, with ``BEGIN`` made immediate."""
        return super().execute("BEGIN IMMEDIATE" if sql == "BEGIN" else sql, parameters)


@asynccontextmanager
async def _connect(path: Path, isolation: str | None) -> AsyncIterator[aiosqlite.Connection]:
    def connector() -> sqlite3.Connection:
        return sqlite3.connect(path, isolation_level=isolation, timeout=BUSY_SECONDS)  # type: ignore[arg-type]

    async with _Connection(connector, 64) as connection:
        for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "secure_delete=ON"):
            await connection.execute(f"PRAGMA {pragma}")
        yield connection


@asynccontextmanager
async def _postgres(url: str) -> AsyncIterator[Backend]:
    async with AsyncExitStack() as stack:
        try:
            store = await stack.enter_async_context(AsyncPostgresStore.from_conn_string(url))
            saver = await stack.enter_async_context(AsyncPostgresSaver.from_conn_string(url))
            await store.setup()
            await saver.setup()
        except psycopg.OperationalError as error:
            raise BackendError(f"cannot open {_without_password(url)}: {error}") from error
        yield Backend(url, store, saver)


def _without_password(url: str) -> str:
    head, at, tail = url.rpartition("@")
    scheme, sep, login = head.partition("://")
    return f"{scheme}{sep}{login.split(':')[0]}{at}{tail}" if at else url
