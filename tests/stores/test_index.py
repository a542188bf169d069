"""Indexes of preferences: the same answers from memory and from Chroma, whatever happens to the files."""

import asyncio
import logging
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from personalagent.errors import BackendError, ModelError
from personalagent.policies.embedding import Bearing, Embedder
from personalagent.policies.model import Floats
from personalagent.profile.history import Held
from personalagent.profile.profile import Profile, fold
from personalagent.profile.template import Template, load_template
from personalagent.stores.backends import open_backend
from personalagent.stores.chroma import ChromaIndex
from personalagent.stores.index import MemoryIndex, PreferenceIndex, open_index
from tests.make import DIET, entry, retracts, states

TEMPLATE = load_template()
CANARY = "zanzibarquartz"


class Lenient(Embedder):
    """Whatever is near counts: these tests are about keeping and finding, not about the model's verdict."""

    @property
    def related(self) -> float:
        return 0.0


class Judging(Embedder):
    """Says of each preference what it was told, by the value."""

    def __init__(self, **said: Bearing) -> None:
        super().__init__()
        self.said = said

    @property
    def related(self) -> float:
        return 0.5

    @property
    def settles(self) -> float:
        return 0.8

    def bearing(
        self, request: str, embedded: Floats, near: Sequence[Held], template: Template
    ) -> list[Bearing]:
        return [self.said[held.preference.value] for held in near]


def chroma(folder: Path) -> ChromaIndex:
    return ChromaIndex(str(folder), Lenient())


def profile(*more: str) -> Profile:
    likes = [states("interests.other.likes", one, polarity="like") for one in more]
    return fold([entry(1, states(DIET, "vegan"), states("digital.phone.model", "Pixel 9"), *likes)])


async def values(index: PreferenceIndex, request: str, known: Profile, user: str = "ada") -> list[str]:
    found = await index.related(user, request, known, TEMPLATE)
    assert [one.chance for one in found] == sorted((one.chance for one in found), reverse=True)
    return [one.held.preference.value for one in found]


@pytest.fixture(params=["memory", "chroma"])
def index(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[PreferenceIndex]:
    made: PreferenceIndex = (
        MemoryIndex(Lenient()) if request.param == "memory" else chroma(tmp_path / "index")
    )
    yield made
    made.close()


async def test_it_finds_what_bears_on_the_request(index: PreferenceIndex) -> None:
    assert await values(index, "what should I cook for dinner?", profile()) == ["vegan", "Pixel 9"]
    assert await values(index, "which case fits my phone?", profile()) == ["Pixel 9", "vegan"]


async def test_what_bears_on_the_request_or_settles_it_is_found_and_nothing_else() -> None:
    judging = Judging(
        jazz=Bearing(0.7, 0.3), opera=Bearing(0.4, 0.9), blues=Bearing(0.6, 0.85), ska=Bearing(0.4, 0.7)
    )
    known = fold([entry(1, *(states("interests.music.genre", one) for one in judging.said))])
    found = await MemoryIndex(judging).related("ada", "what should I listen to?", known, TEMPLATE)
    assert [(one.held.preference.value, one.settles) for one in found] == [
        ("jazz", False),
        ("blues", True),
        ("opera", True),
    ]


async def test_an_empty_profile_or_request_finds_nothing(index: PreferenceIndex) -> None:
    assert await values(index, "what should I cook?", Profile()) == []
    assert await values(index, "  ", profile()) == []


async def test_what_no_longer_holds_is_not_found(index: PreferenceIndex) -> None:
    known = profile()
    assert "vegan" in await values(index, "a recipe for dinner?", known)
    gone = fold([*known.entries, entry(2, retracts(DIET, "vegan"))])
    assert "vegan" not in await values(index, "a recipe for dinner?", gone)


async def test_users_are_kept_apart(index: PreferenceIndex) -> None:
    assert "vegan" in await values(index, "a recipe for dinner?", profile(), user="ada")
    assert await values(index, "a recipe for dinner?", Profile(), user="bob") == []
    other = fold([entry(1, states(DIET, "halal"))])
    assert "vegan" not in await values(index, "a recipe for dinner?", other, user="bob")
    assert "vegan" in await values(index, "a recipe for dinner?", profile(), user="ada")


async def test_memory_and_chroma_give_the_same(tmp_path: Path) -> None:
    lasting = chroma(tmp_path / "index")
    known = profile("jazz", "bouldering", "long train journeys", "spicy ramen")
    for request in ("a recipe for dinner?", "plans for the weekend?", "which phone case fits?"):
        assert await values(lasting, request, known) == await values(MemoryIndex(Lenient()), request, known)
    lasting.close()


async def test_vectors_outlive_the_process(tmp_path: Path) -> None:
    first = chroma(tmp_path / "index")
    await values(first, "a recipe for dinner?", profile())
    first.close()
    second = chroma(tmp_path / "index")
    assert second._collection.count() == 2
    assert "vegan" in await values(second, "a recipe for dinner?", profile())
    second.close()


async def test_a_lost_index_is_built_anew(tmp_path: Path) -> None:
    first = chroma(tmp_path / "index")
    await values(first, "a recipe for dinner?", profile())
    first.close()
    shutil.rmtree(tmp_path / "index")
    second = chroma(tmp_path / "index")
    assert "vegan" in await values(second, "a recipe for dinner?", profile())
    second.close()


async def test_a_damaged_index_is_built_anew_with_a_notice(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "index"
    (folder / "preferences").mkdir(parents=True)
    (folder / "preferences" / "chroma.sqlite3").write_bytes(b"this is no database" * 100)
    (folder / "thesis.txt").write_text("years of work")
    with caplog.at_level(logging.WARNING):
        index = await asyncio.to_thread(chroma, folder)
    assert "damaged" in caplog.text
    assert str(folder) in caplog.text
    assert "vegan" in await values(index, "a recipe for dinner?", profile())
    index.close()
    assert (folder / "thesis.txt").read_text() == "years of work"


async def test_a_missing_model_is_no_damage(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    index = chroma(tmp_path / "index")
    await values(index, "a recipe for dinner?", profile())
    index.embedder = Embedder(tmp_path / "nowhere")
    with pytest.raises(ModelError):
        await index.related("ada", "another recipe?", profile("jazz"), TEMPLATE)
    assert "damaged" not in caplog.text
    assert index._collection.count() == 2
    index.close()


async def test_no_byte_of_a_preference_is_in_the_files(tmp_path: Path) -> None:
    index = chroma(tmp_path / "index")
    await values(index, "what do I collect?", profile(CANARY), user="user-canary-77")
    await index.erase("user-canary-77")
    assert index._collection.count() == 0
    index.close()
    for path in (p for p in (tmp_path / "index").rglob("*") if p.is_file()):
        content = path.read_bytes()
        assert CANARY.encode() not in content
        assert b"user-canary-77" not in content


async def test_erasing_a_user_through_the_backend_erases_the_index(tmp_path: Path) -> None:
    async with open_backend("memory:", f"chroma:{tmp_path / 'index'}") as backend:
        assert isinstance(backend.index, ChromaIndex)
        await values(backend.index, "a recipe for dinner?", profile())
        await backend.erase("ada")
        assert backend.index._collection.count() == 0


def test_a_second_process_is_told_that_another_one_writes(tmp_path: Path) -> None:
    held = chroma(tmp_path / "index")
    code = f"from personalagent import open_index; open_index('chroma:{tmp_path / 'index'}')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "another process writes to the index" in done.stderr
    held.close()
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("url", ["", "none:"])
async def test_there_can_be_no_index(url: str) -> None:
    async with open_backend("memory:", url) as backend:
        assert backend.index is None


@pytest.mark.parametrize("url", ["redis://x", "chroma:", "chroma"])
def test_an_unknown_address_is_one_clear_error(url: str) -> None:
    with pytest.raises(BackendError, match="unknown index"):
        open_index(url)


def test_memory_is_an_address_too() -> None:
    assert isinstance(open_index("memory:"), MemoryIndex)
