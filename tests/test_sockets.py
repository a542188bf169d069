"""Everything by default works without a network: every socket but the event loop's own pair is refused."""

import json
import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from langchain_core.runnables import RunnableConfig
from pytest_socket import SocketBlockedError, disable_socket, enable_socket
from typer.testing import CliRunner

from personalagent import Context, create_personal_agent, open_backend
from personalagent.cli import app
from tests.make import DIET

GENRE = "interests.books.genre"
BOOK = "what should I read on holiday?"


@pytest.fixture(autouse=True)
def _no_network() -> Iterator[None]:
    disable_socket(allow_unix_socket=True)
    yield
    enable_socket()


def test_sockets_are_refused() -> None:
    with pytest.warns(UserWarning, match="tried to use socket"), pytest.raises(SocketBlockedError):
        socket.create_connection(("127.0.0.1", 9))


@pytest.mark.parametrize("backend", ["memory:", "sqlite:{folder}/people.db"])
async def test_a_conversation(backend: str, tmp_path: Path) -> None:
    async with open_backend(backend.format(folder=tmp_path)) as opened:
        agent = create_personal_agent(store=opened.store, checkpointer=opened.checkpointer)
        config: RunnableConfig = {"configurable": {"thread_id": "t1"}}
        context = Context(user_id="ada", ask="chat")

        async def say(text: str) -> dict[str, Any]:
            messages: Any = {"messages": [("user", text)]}
            return await agent.ainvoke(messages, config, context=context)

        state = await say("I went vegetarian last spring")
        assert [held["value"] for held in state["profile"][DIET]] == ["vegetarian"]
        state = await say(BOOK)
        assert state["question"]["slot"] == GENRE
        assert state["reply"] == state["question"]["text"] == state["messages"][-1].text
        state = await say("cosy crime")
        assert state["question"]["status"] == "answered"
        assert BOOK in state["reply"]
        assert "cosy crime" in state["reply"]
        assert set((await opened.profiles.profile("ada")).values()) == {DIET, GENRE}


def test_infer() -> None:
    done = CliRunner().invoke(app, ["infer"], input=json.dumps({"user": "I went vegetarian last spring"}))
    assert done.exit_code == 0, done.output
    [operation] = json.loads(done.stdout)["operations"]
    assert operation["preference"]["slot"] == DIET
    assert operation["evidence"]["quote"] in "I went vegetarian last spring"


def test_demo() -> None:
    done = CliRunner().invoke(app, ["demo"])
    assert done.exit_code == 0, done.output
    assert f"+ {DIET} = vegetarian" in done.stdout
    assert re.search(r"needs interests\.books\..*\nagent  .+\?$", done.stdout, re.MULTILINE)
