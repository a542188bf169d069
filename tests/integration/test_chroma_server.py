"""A real `chroma run`, as the index talks to it by ``chroma+http://HOST:PORT``."""

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import chromadb
import httpx
import pytest

from personalagent.errors import BackendError
from personalagent.profile.profile import Profile, fold
from personalagent.profile.template import load_template
from personalagent.stores.index import PreferenceIndex, open_index
from tests.make import DIET, entry, states

pytestmark = pytest.mark.integration

TEMPLATE = load_template()
KNOWN = fold([entry(1, states(DIET, "vegan"))])
START_SECONDS = 60


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        number = int(free.getsockname()[1])
    folder = tmp_path_factory.mktemp("chroma")
    command = [str(Path(sys.executable).with_name("chroma")), "run", "--path", str(folder)]
    with (folder / "log").open("w") as log:
        server = subprocess.Popen([*command, "--port", str(number)], stdout=log, stderr=log)
        try:
            _until_it_answers(number)
            yield number
        finally:
            server.terminate()
            server.wait(timeout=20)


def _until_it_answers(port: int) -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        try:
            httpx.get(f"http://127.0.0.1:{port}/api/v2/heartbeat", timeout=2).raise_for_status()
        except httpx.HTTPError:
            time.sleep(0.2)
        else:
            return
    raise TimeoutError("chroma run does not answer")


@pytest.fixture
def index(port: int) -> Iterator[PreferenceIndex]:
    opened = open_index(f"chroma+http://127.0.0.1:{port}")
    yield opened
    opened.close()


async def rows(port: int) -> int:
    client = await chromadb.AsyncHttpClient(host="127.0.0.1", port=port)
    return sum([await one.count() for one in await client.list_collections()])


async def test_preferences_are_kept_and_erased(index: PreferenceIndex, port: int) -> None:
    await index.related("ada", "a recipe for dinner?", KNOWN, TEMPLATE)
    await index.related("bob", "a recipe for dinner?", KNOWN, TEMPLATE)
    assert await rows(port) == 2
    await index.related("bob", "a recipe for dinner?", Profile(), TEMPLATE)
    await index.erase("ada")
    assert await rows(port) == 0


async def test_a_server_that_lost_everything_is_filled_again(index: PreferenceIndex, port: int) -> None:
    await index.related("ada", "a recipe for dinner?", KNOWN, TEMPLATE)
    client = await chromadb.AsyncHttpClient(host="127.0.0.1", port=port)
    for one in await client.list_collections():
        await client.delete_collection(one.name)
    await index.related("ada", "a recipe for dinner?", KNOWN, TEMPLATE)
    assert await rows(port) == 1


def test_a_server_that_does_not_answer_is_one_clear_error() -> None:
    with pytest.raises(BackendError, match="no Chroma server at http://127"):
        open_index("chroma+http://127.0.0.1:9")
