"""A real `langgraph dev` whose `.env` names a policy's server, a model's server, and their keys."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from langgraph_sdk import get_client
from langgraph_sdk.client import LangGraphClient

from tests.integration.test_server import Server, langgraph_dev, open_thread
from tests.make import DIET
from tests.scripted_server import INFERS_NOTHING, Body, Outcome, Says, ScriptedServer, Status

pytestmark = pytest.mark.integration

POLICY_KEY, MODEL_KEY = "pk-4711-secret", "mk-4712-secret"
DINNER = "Any ideas for dinner?"
VEGAN = f"""<inferred_profile>
{DIET} = vegan | "I am vegan"
</inferred_profile>
<classification>new</classification>
<needs>
</needs>"""


def reads(body: Body) -> Outcome:
    """The policy: reads a diet, names it as what dinner needs, and is out once."""
    message = str(body["messages"][-1]["content"]).rsplit("<message>", 1)[1]
    if "vegan" in message:
        return Says(VEGAN)
    if "outage" in message:
        return Status(400, "you sent {authorization}")
    return Says(INFERS_NOTHING.replace("<needs>\n", f"<needs>\n{DIET} = decides\n"))


def replies(body: Body) -> Outcome:
    """The response model: cooks for the preferences it is shown."""
    return Says("Lentil curry." if '"vegan"' in body["messages"][0]["content"] else "Steak.")


@pytest.fixture(scope="module")
def policy_server() -> Iterator[ScriptedServer]:
    with ScriptedServer(otherwise=reads) as server:
        yield server


@pytest.fixture(scope="module")
def model_server() -> Iterator[ScriptedServer]:
    with ScriptedServer(otherwise=replies) as server:
        yield server


@pytest.fixture(scope="module")
def server(
    policy_server: ScriptedServer, model_server: ScriptedServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    settings = {
        "PERSONALAGENT_POLICY": "vllm:pa",
        "PERSONALAGENT_POLICY_URL": policy_server.url,
        "PERSONALAGENT_POLICY_KEY": POLICY_KEY,
        "PERSONALAGENT_MODEL": "openai:big",
        "PERSONALAGENT_MODEL_URL": model_server.url,
        "PERSONALAGENT_MODEL_KEY": MODEL_KEY,
    }
    with langgraph_dev(tmp_path_factory.mktemp("served"), settings) as running:
        yield running


async def test_turns_are_read_and_answered_by_the_deployments_models_and_its_keys_stay_secret(
    server: Server, policy_server: ScriptedServer, model_server: ScriptedServer
) -> None:
    async with get_client(url=server.url, api_key=None) as client:
        shown = await talk(client, server.log_file.parent)
    assert {headers["authorization"] for headers in policy_server.headers} == {f"Bearer {POLICY_KEY}"}
    assert {headers["authorization"] for headers in model_server.headers} == {f"Bearer {MODEL_KEY}"}
    assert all("structured_outputs" in request for request in policy_server.requests)
    assert "I am vegan" in shown
    assert POLICY_KEY not in shown
    assert MODEL_KEY not in shown


async def talk(client: LangGraphClient, folder: Path) -> str:
    """Says three things; returns all that the server shows and has written of it."""
    thread = await open_thread(client, "ada")
    await thread.say("I am vegan")
    state = await thread.say(DINNER)
    assert state["reply"] == "Lentil curry."
    assert state["usage"]["policy"]["calls"] == state["usage"]["reply"]["calls"] == 1
    state = await thread.say("is there an outage?")
    assert state["failures"][0]["kind"] == "refused"
    assert state["reply"]
    schemas = await client.assistants.get_schemas((await client.assistants.search())[0]["assistant_id"])
    return json.dumps(
        [
            state,
            schemas,
            await client.threads.get_history(thread.id, limit=100),
            await client.runs.list(thread.id, limit=100),
            written_in(folder),
        ]
    )


def written_in(folder: Path) -> list[str]:
    """The text of all that the server has written, but for the settings it was given."""
    files = [path for path in folder.rglob("*") if path.is_file() and path.name != ".env"]
    return [path.read_bytes().decode("utf-8", errors="replace") for path in files]
