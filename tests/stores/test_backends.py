import asyncio
import sys
from pathlib import Path

import pytest
from langchain_core.runnables import RunnableConfig

from personalagent import Context, create_personal_agent
from personalagent.errors import BackendError
from personalagent.policies.policy import Failure
from personalagent.policies.scripted import ScriptedPolicy
from personalagent.stores.backends import open_backend
from tests.make import DIET, entry, infers, says, states, turn

CANARY = "zanzibarcanary"


@pytest.mark.parametrize("url", ["", "redis://x", "sqlite:", "people.db", "postgresql:x"])
async def test_an_unknown_address_says_what_is_known(url: str) -> None:
    with pytest.raises(BackendError, match=r"sqlite:PATH"):
        async with open_backend(url):
            pass


async def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("these are notes, not a database; " * 50)
    with pytest.raises(BackendError, match=r"notes\.txt"):
        async with open_backend(f"sqlite:{path}"):
            pass


async def test_a_postgres_that_is_not_there_is_named_without_its_password() -> None:
    with pytest.raises(BackendError, match=r"127\.0\.0\.1") as caught:
        async with open_backend("postgresql://me:secret@127.0.0.1:1/none"):
            pass
    assert "secret" not in str(caught.value)


async def test_sqlite_makes_missing_folders_and_keeps_what_was_written(tmp_path: Path) -> None:
    url = f"sqlite:{tmp_path / 'a' / 'b' / 'people.db'}"
    async with open_backend(url) as backend:
        await backend.profiles.append("ada", [entry(0, states(DIET, "vegan"))])
    async with open_backend(url) as backend:
        assert (await backend.profiles.profile("ada")).current[DIET][0].preference.value == "vegan"


async def test_an_error_of_the_caller_is_not_taken_for_one_of_the_database(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError):
        async with open_backend(f"sqlite:{tmp_path / 'p.db'}"):
            raise ZeroDivisionError


WRITER = """
import asyncio, sys
from langgraph.store.base import GetOp, PutOp
from personalagent.stores.backends import open_backend
from tests.make import ALLERGY, entry, states

async def main(url, name):
    async with open_backend(url) as backend:
        async def speak(user):
            for n in range(40):
                await backend.profiles.append(user, [entry(n, states(ALLERGY, f"{name} {n}"), session=name)])
                await backend.profiles.profile(user)
        await asyncio.gather(*(speak(user) for user in ("ada", "bob", "eve", "joe")))
        for n in range(300):
            await backend.store.abatch([GetOp(("host",), "x"), PutOp(("host",), f"{name} {n}", {"n": n})])

asyncio.run(main(*sys.argv[1:]))
"""


async def test_two_processes_on_one_sqlite_file_lose_nothing(tmp_path: Path) -> None:
    url = f"sqlite:{tmp_path / 'p.db'}"
    async with open_backend(url):
        pass
    writers = [
        await asyncio.create_subprocess_exec(sys.executable, "-c", WRITER, url, name)
        for name in ("one", "two")
    ]
    assert [await writer.wait() for writer in writers] == [0, 0]
    async with open_backend(url) as backend:
        for user in ("ada", "bob", "eve", "joe"):
            assert len((await backend.profiles.profile(user)).entries) == 80
        assert len(await backend.store.asearch(("host",), limit=1000)) == 600


async def test_after_erasure_no_byte_is_left_in_the_database_files(tmp_path: Path) -> None:
    url = f"sqlite:{tmp_path / 'people.db'}"
    async with open_backend(url) as backend:
        said = f"My password hint is {CANARY}"
        policy = ScriptedPolicy([infers(states("interests.other.hint", CANARY)), Failure(kind="timeout")])
        agent = create_personal_agent(policy=policy, store=backend.store, checkpointer=backend.checkpointer)
        thread: RunnableConfig = {"configurable": {"thread_id": "t1"}}
        for text in (said, said + " again"):
            await agent.ainvoke(
                says(text),
                thread,
                context=Context(user_id=f"{CANARY}@example.org"),
            )
        await backend.profiles.put_pending(
            f"{CANARY}@example.org", turn(CANARY), Failure(kind="malformed", detail=CANARY)
        )
        other: RunnableConfig = {"configurable": {"thread_id": "t2"}}
        await agent.ainvoke(says("hello"), other, context=Context(user_id="bob"))
        assert _found(tmp_path)
        assert await backend.erase(f"{CANARY}@example.org") >= 4
        assert not _found(tmp_path)
        assert (await agent.aget_state(thread)).values == {}
        assert (await agent.aget_state(other)).values["messages"]
    assert not _found(tmp_path)


def _found(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir() if CANARY.encode() in path.read_bytes()]
