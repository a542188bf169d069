"""What only a real vLLM can show; for the server at PERSONALAGENT_VLLM_URL, whatever model it has."""

import os
from typing import Any

import httpx
import pytest

from personalagent import Context, create_personal_agent, open_backend
from personalagent.corpora import gold
from personalagent.policies.choose import policy_named
from personalagent.policies.metering import metered
from personalagent.policies.policy import Failure
from personalagent.profile.preference import Inference
from personalagent.profile.profile import Profile
from personalagent.profile.template import load_template
from tests.make import says, turn

pytestmark = [pytest.mark.vllm, pytest.mark.timeout(600)]

SECONDS = 120.0
TEMPLATE = load_template()
SAID = [one.user for dialogue in gold.dialogues(None, "test")[:4] for one in dialogue.turns][:20]


@pytest.fixture(scope="module")
def url() -> str:
    given = os.environ.get("PERSONALAGENT_VLLM_URL", "")
    if not given:
        pytest.skip("PERSONALAGENT_VLLM_URL is not set")
    return given


@pytest.fixture(scope="module")
def model(url: str) -> str:
    """The first model that is served."""
    served = httpx.get(f"{url}/models", trust_env=False, timeout=10).raise_for_status().json()
    return str(served["data"][0]["id"])


async def test_under_the_grammar_every_reply_that_ends_can_be_read(url: str, model: str) -> None:
    policy = policy_named(f"vllm:{model}", url=url, seconds=SECONDS)
    found = [await policy.infer(turn(text), Profile(), TEMPLATE) for text in SAID]
    kinds = {one.kind for one in found if isinstance(one, Failure)}
    assert kinds <= {"truncated"}, "a small model may write on and on, but never what cannot be read"
    read = [one for one in found if isinstance(one, Inference)]
    assert all(one.needs is not None for one in read)
    assert all(TEMPLATE.slot(op.preference.slot) for one in read for op in one.operations)


async def test_the_prefix_cache_holds_the_instructions(url: str, model: str) -> None:
    policy = policy_named(f"vllm:{model}", url=url, seconds=SECONDS)
    with metered() as meter:
        for text in ("I live in Leeds", "no more meat for me"):
            await policy.infer(turn(text), Profile(), TEMPLATE)
    assert meter.usage.calls == 2
    assert meter.usage.input_tokens > 2 * 200
    assert meter.usage.cached_tokens > 0, "was it started with --enable-prompt-tokens-details?"


async def test_a_model_or_adapter_that_is_not_served_is_named(url: str) -> None:
    policy = policy_named("vllm:no-such-adapter", url=url, seconds=SECONDS)
    found = await policy.infer(turn("hello"), Profile(), TEMPLATE)
    assert isinstance(found, Failure)
    assert found.kind == "refused"
    assert "no-such-adapter" in found.detail


async def test_the_whole_graph_reads_and_replies(url: str, model: str) -> None:
    context = Context(
        user_id="ada",
        ask="never",
        policy=f"vllm:{model}",
        policy_url=url,
        policy_seconds=SECONDS,
        model=f"vllm:{model}",
        model_url=url,
        reply_seconds=SECONDS,
    )
    async with open_backend("memory:") as backend:
        agent = create_personal_agent(store=backend.store)
        stream: Any = agent.astream(
            says("I live in Leeds"), context=context, stream_mode=["messages", "values"]
        )
        tokens, state = "", {}
        async for mode, chunk in stream:
            if mode == "values":
                state = chunk
            elif chunk[0].type == "AIMessageChunk":
                tokens += chunk[0].text
        logged = await backend.profiles.log("ada")
        pending = await backend.profiles.pending("ada")
    assert tokens == state["reply"] != ""
    assert state["usage"]["policy"]["calls"] == state["usage"]["reply"]["calls"] == 1
    assert len(logged) + len(pending) == 1
