"""A real `langgraph dev`, as Studio talks to it, driven through its SDK."""

import contextlib
import dataclasses
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from langgraph_sdk import get_client
from langgraph_sdk.client import LangGraphClient

from personalagent import Context
from personalagent.graph.state import State

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]
LANGGRAPH = Path(sys.executable).with_name("langgraph")
START_SECONDS = 60
DIET = "consumption.diet.restriction"
GENRE = "interests.books.genre"
BOOK = "what should I read on holiday?"
RESTAURANT = "can you recommend a restaurant?"
OFFLINE = {
    "LANGGRAPH_CLI_NO_ANALYTICS": "1",
    "LANGGRAPH_NO_VERSION_CHECK": "true",
    "LANGSMITH_TRACING": "false",
    "LOG_COLOR": "false",
}


@dataclass(frozen=True)
class Server:
    """A running server, and the file that it logs to."""

    url: str
    log_file: Path

    def log(self) -> str:
        return self.log_file.read_text("utf-8", errors="replace")


@dataclass(frozen=True)
class Thread:
    """One conversation of one user with the served graph."""

    client: LangGraphClient
    user: str
    id: str

    async def say(self, text: str) -> dict[str, Any]:
        """Say something, and return the state after the run, as the caller of the API gets it."""
        return await self._run(input=said(text))

    async def resume(self, answer: str) -> dict[str, Any]:
        return await self._run(command={"resume": answer})

    async def stream(self, text: str) -> list[dict[str, Any]]:
        """Say something, and return the custom events."""
        parts = self.client.runs.stream(
            self.id, "agent", input=said(text), context={"user_id": self.user}, stream_mode="custom"
        )
        return [dict(part.data) async for part in parts if part.event == "custom"]

    async def _run(self, **work: Any) -> dict[str, Any]:
        state = await self.client.runs.wait(self.id, "agent", context={"user_id": self.user}, **work)
        assert isinstance(state, dict)
        return state


def said(text: str) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": text}]}


async def open_thread(client: LangGraphClient, user: str) -> Thread:
    return Thread(client, user, (await client.threads.create())["thread_id"])


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The server without any settings: it finds no `.env`."""
    with langgraph_dev(tmp_path_factory.mktemp("server")) as running:
        yield running


@contextlib.contextmanager
def langgraph_dev(folder: Path, settings: Mapping[str, str] | None = None) -> Iterator[Server]:
    """A server in a directory of its own, where it writes `.langgraph_api`; its `.env` holds the settings."""
    config = json.loads((ROOT / "langgraph.json").read_text("utf-8"))
    config["dependencies"] = [str(ROOT / dependency) for dependency in config["dependencies"]]
    if settings:
        config["env"] = ".env"
        (folder / ".env").write_text(
            "".join(f"{name}={value}\n" for name, value in settings.items()), "utf-8"
        )
    (folder / "langgraph.json").write_text(json.dumps(config), "utf-8")
    port = free_port()
    command = [
        str(LANGGRAPH),
        "dev",
        "--no-browser",
        "--no-reload",
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
    ]
    running = Server(f"http://127.0.0.1:{port}", folder / "server.log")
    with (
        running.log_file.open("wb") as log,
        subprocess.Popen(
            command,
            cwd=folder,
            env={**os.environ, **OFFLINE},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        ) as process,
    ):
        try:
            wait_until_ready(running, process)
            yield running
        finally:
            end_group(process)


def free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


def wait_until_ready(server: Server, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(httpx.TransportError):
            if httpx.get(f"{server.url}/ok", timeout=2, trust_env=False).is_success:
                return
        time.sleep(0.2)
    pytest.fail(f"langgraph dev is not up; exit code {process.poll()}, log:\n{server.log()}", pytrace=False)


def end_group(process: subprocess.Popen[bytes]) -> None:
    """Ends the server and whatever it has started; the group keeps its id until its leader is waited for."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(15)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(15)


@pytest.fixture(autouse=True)
def _shown_on_failure(server: Server) -> Iterator[None]:
    """What the server logged during a test; pytest shows it if the test fails."""
    before = len(server.log())
    yield
    print(server.log()[before:])


@pytest.fixture
async def client(server: Server) -> AsyncIterator[LangGraphClient]:
    async with get_client(url=server.url, api_key=None) as client:
        yield client


@pytest.fixture
async def ada(client: LangGraphClient) -> Thread:
    """A thread of a user whom nobody knows yet."""
    return await open_thread(client, f"ada-{uuid4().hex}")


async def test_a_statement_is_learnt_and_the_state_is_readable(client: LangGraphClient, ada: Thread) -> None:
    await ada.say("I went vegetarian last spring")
    state = await client.threads.get_state(ada.id)
    values = state["values"]
    assert isinstance(values, dict)
    assert [held["value"] for held in values["profile"][DIET]] == ["vegetarian"]
    assert values["messages"][-1]["type"] == "ai"
    assert values["messages"][-1]["content"] == values["reply"]
    assert not state["next"]


async def test_a_cold_start_asks_and_the_answer_is_used(client: LangGraphClient, ada: Thread) -> None:
    paused = await ada.say(BOOK)
    [interrupt] = paused["__interrupt__"]
    assert interrupt["value"]["slot"] == GENRE
    assert interrupt["value"]["question"].endswith("?")
    assert interrupt["value"]["request"] == BOOK
    assert (await client.threads.get_state(ada.id))["next"] == ["clarify"]
    state = await ada.resume("slow dramas")
    assert "__interrupt__" not in state
    assert "slow dramas" in state["reply"]
    assert BOOK in state["reply"]


async def test_what_one_thread_learnt_the_users_other_thread_knows(ada: Thread) -> None:
    await ada.say("I went vegetarian last spring")
    other = await open_thread(ada.client, ada.user)
    assert "vegetarian" in (await other.say(RESTAURANT))["reply"]


async def test_another_user_knows_nothing_of_it(ada: Thread) -> None:
    await ada.say("I went vegetarian last spring")
    bob = await open_thread(ada.client, f"bob-{uuid4().hex}")
    assert "__interrupt__" in await bob.say(RESTAURANT)
    state = await bob.resume("I'd rather not say.")
    assert RESTAURANT in state["reply"]
    assert "vegetarian" not in json.dumps(state)


@pytest.mark.parametrize("context", [None, {}, {"user_id": ""}])
async def test_a_run_without_a_user_fails_and_says_why(ada: Thread, context: dict[str, Any] | None) -> None:
    with pytest.raises(Exception, match=r"InvalidUserId: user id is missing.*user_id="):
        await ada.client.runs.wait(ada.id, "agent", input=said("hello"), context=context)


async def test_what_is_stored_is_streamed(ada: Thread) -> None:
    [stored] = [one for one in await ada.stream("I went vegetarian last spring") if one["event"] == "stored"]
    assert (stored["slot"], stored["value"]) == (DIET, "vegetarian")
    assert stored["quote"] == "I went vegetarian last spring"


async def test_studio_is_told_the_settings_and_their_defaults(client: LangGraphClient) -> None:
    schema = (await schemas(client))["context_schema"]["properties"]
    fields = dataclasses.fields(Context)
    assert {name: one["default"] for name, one in schema.items()} == {f.name: f.default for f in fields}
    assert {name: one["description"] for name, one in schema.items()} == {
        field.name: field.metadata["description"] for field in fields
    }


async def test_studio_is_told_the_shape_of_input_and_state(client: LangGraphClient) -> None:
    found = await schemas(client)
    assert list(found["input_schema"]["properties"]) == ["messages"]
    assert set(found["state_schema"]["properties"]) == set(State.__annotations__)


async def schemas(client: LangGraphClient) -> dict[str, Any]:
    [assistant] = await client.assistants.search(graph_id="agent")
    return dict(await client.assistants.get_schemas(assistant["assistant_id"]))


async def test_no_node_blocks_the_event_loop(server: Server, ada: Thread) -> None:
    """The last test: the log then holds what all the others caused, too."""
    before = server.log().count("Background run succeeded")
    await ada.say(BOOK)
    await ada.resume("slow dramas")
    log = server.log()
    assert log.count("Background run succeeded") >= before + 1
    assert [line for line in log.splitlines() if "BlockingError" in line or "Blocking call" in line] == []
