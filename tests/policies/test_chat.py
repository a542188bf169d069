"""The chat policy against a real HTTP server that says what it was told to say."""

import asyncio
import json
import logging
from collections.abc import Iterable
from typing import Any

import pytest
from langchain_core.callbacks import BaseCallbackHandler
from pydantic import SecretStr

from personalagent.policies.chat import REPLY_TOKENS, ChatPolicy
from personalagent.policies.choose import policy_named
from personalagent.policies.clients import _OPENED, MOST_OPEN, RETRIES, Keys, ModelAddress
from personalagent.policies.grammar import reply_grammar
from personalagent.policies.metering import metered
from personalagent.policies.policy import Failure
from personalagent.policies.prompt import INSTRUCTIONS
from personalagent.policies.scripted import ScriptedChatModel
from personalagent.profile.preference import Inference
from personalagent.profile.profile import Profile
from personalagent.profile.template import load_template
from tests.make import DIET, turn
from tests.scripted_server import Dies, Garbage, Hangs, Reply, Says, ScriptedServer, Status

TEMPLATE = load_template()
SECONDS = 20.0
VEGAN = f"""<inferred_profile>
{DIET} = vegan | "I am vegan"
</inferred_profile>
<inferred_personality>
</inferred_personality>
<classification>new</classification>
<needs>
interests.film.genre = decides
</needs>"""


async def read(
    replies: Iterable[Reply], text: str = "I am vegan", *, name: str = "openai:pa", seconds: float = SECONDS
) -> tuple[Inference | Failure, ScriptedServer]:
    with ScriptedServer(replies) as server:
        policy = policy_named(name, url=server.url, seconds=seconds)
        return await policy.infer(turn(text), Profile(), TEMPLATE), server


async def test_one_call_says_what_the_turn_says_and_needs() -> None:
    found, server = await read([Says(VEGAN)])
    assert isinstance(found, Inference)
    assert [op.preference.value for op in found.operations] == ["vegan"]
    assert found.needs is not None
    assert [need.slot for need in found.needs] == ["interests.film.genre"]
    assert len(server.requests) == 1


async def test_the_model_gets_the_prompt_and_is_asked_for_no_more_than_it_may_write() -> None:
    _, server = await read([Says(VEGAN)])
    (request,) = server.requests
    assert [message["role"] for message in request["messages"]] == ["system", "user"]
    assert request["messages"][0]["content"] == INSTRUCTIONS
    assert "<message>\nI am vegan\n</message>" in request["messages"][1]["content"]
    assert REPLY_TOKENS in (request.get("max_completion_tokens"), request.get("max_tokens"))
    assert request["temperature"] == 0


async def test_vllm_is_given_the_templates_grammar_and_others_are_not() -> None:
    _, server = await read([Says(VEGAN)], name="vllm:pa")
    assert server.requests[0]["structured_outputs"] == {"grammar": reply_grammar(TEMPLATE)}
    assert server.requests[0]["model"] == "pa"
    _, server = await read([Says(VEGAN)])
    assert "structured_outputs" not in server.requests[0]


async def test_a_lora_adapter_is_chosen_by_its_name() -> None:
    with ScriptedServer(otherwise=Says(VEGAN), models=["pa", "ada"]) as server:
        for name in ("pa", "ada"):
            await policy_named(f"vllm:{name}", url=server.url).infer(turn("hi"), Profile(), TEMPLATE)
    assert [request["model"] for request in server.requests] == ["pa", "ada"]


FAILURES: list[tuple[str, list[Reply], str]] = [
    ("malformed", [Says("She is vegan.")], "no <inferred_profile> block"),
    ("malformed", [Says("")], "no <inferred_profile> block"),
    ("malformed", [Garbage()], "JSONDecodeError"),
    ("malformed", [Garbage(b'{"choices": []}')], ""),
    ("truncated", [Says(VEGAN[:60], finish_reason="length")], "limit of tokens"),
    ("refused", [Status(400, "too long")], "too long"),
    ("refused", [Status(401, "no such key")], "no such key"),
    ("refused", [Status(404, "no model of this name")], "no model of this name"),
    ("busy", [Status(429, headers={"Retry-After": "0"})] * (RETRIES + 1), "429"),
    ("busy", [Status(503, headers={"Retry-After": "0"})] * (RETRIES + 1), "503"),
    ("error", [Status(500, headers={"Retry-After": "0"})] * (RETRIES + 1), "500"),
    ("unreachable", [Dies()] * (RETRIES + 1), "Connection error"),
    ("unreachable", [Status(502, headers={"Retry-After": "0"})] * (RETRIES + 1), "502"),
]


@pytest.mark.parametrize(("kind", "replies", "detail"), FAILURES)
async def test_every_failure_has_its_kind_and_costs_a_bounded_number_of_requests(
    kind: str, replies: list[Reply], detail: str
) -> None:
    found, server = await read(replies)
    assert isinstance(found, Failure)
    assert found.kind == kind
    assert detail in found.detail
    assert len(server.requests) == len(replies)


async def test_a_server_that_hangs_is_given_up_within_the_budget() -> None:
    found, server = await read([Hangs()] * 9, seconds=0.4)
    assert isinstance(found, Failure)
    assert (found.kind, found.detail) == ("timeout", "TimeoutError: no reply within 0.4 s")
    assert len(server.requests) <= RETRIES + 1


async def test_a_server_that_is_not_there() -> None:
    with ScriptedServer() as server:
        url = server.url
    found = await policy_named("openai:pa", url=url, seconds=SECONDS).infer(turn("hi"), Profile(), TEMPLATE)
    assert isinstance(found, Failure)
    assert found.kind == "unreachable"


async def test_a_passing_failure_is_repeated_within_the_call() -> None:
    found, server = await read([Status(503, headers={"Retry-After": "0"}), Says(VEGAN)])
    assert isinstance(found, Inference)
    assert len(server.requests) == 2


async def test_a_provider_that_is_not_installed_is_a_failure_that_names_it() -> None:
    found = await policy_named("nosuch:model").infer(turn("hi"), Profile(), TEMPLATE)
    assert isinstance(found, Failure)
    assert found.kind == "refused"
    assert "nosuch:model" in found.detail


async def test_a_model_that_leaves_the_needs_out_is_not_asked_again() -> None:
    found, _ = await read([Says(VEGAN.split("<needs>")[0])])
    assert isinstance(found, Inference)
    assert found.needs == ()


async def test_any_chat_model_serves() -> None:
    model = ScriptedChatModel(replies=[VEGAN, "nonsense", RuntimeError("boom")])
    policy = ChatPolicy(model)
    kinds = []
    for _ in range(3):
        found = await policy.infer(turn("I am vegan"), Profile(), TEMPLATE)
        kinds.append(found.kind if isinstance(found, Failure) else found.classification)
    assert kinds == ["new", "malformed", "error"]


async def test_a_message_that_does_not_fit_is_marked_as_read_in_part() -> None:
    found, _ = await read([Says(VEGAN)], text="I am vegan. " + "It rained on the hills again. " * 300)
    assert isinstance(found, Inference)
    assert found.unread == "length"


async def test_needs_alone_are_the_same_call() -> None:
    with ScriptedServer([Says(VEGAN), Status(400)]) as server:
        policy = policy_named("openai:pa", url=server.url)
        named = await policy.needs("a film?", Profile(), TEMPLATE)
        refused = await policy.needs("a film?", Profile(), TEMPLATE)
    assert not isinstance(named, Failure)
    assert [(need.slot, need.weight) for need in named] == [("interests.film.genre", 1.0)]
    assert isinstance(refused, Failure)
    assert refused.kind == "refused"


async def test_models_that_runs_name_do_not_pile_up() -> None:
    for number in range(MOST_OPEN + 5):
        await ModelAddress("openai:pa", f"http://127.0.0.1:{number + 1}/v1").open()
    assert len(_OPENED[asyncio.get_running_loop()]) == MOST_OPEN


async def test_many_turns_at_once_share_a_client() -> None:
    with ScriptedServer(otherwise=Says(VEGAN)) as server:
        policy = policy_named("openai:pa", url=server.url)
        reads = [policy.infer(turn("I am vegan", index=n), Profile(), TEMPLATE) for n in range(16)]
        found = await asyncio.gather(*reads)
    assert all(isinstance(one, Inference) for one in found)
    assert len(server.requests) == 16


def test_a_policy_may_be_used_in_one_event_loop_after_another() -> None:
    with ScriptedServer(otherwise=Says(VEGAN)) as server:
        policy = policy_named("openai:pa", url=server.url)
        for _ in range(3):
            found = asyncio.run(policy.infer(turn("I am vegan"), Profile(), TEMPLATE))
            assert isinstance(found, Inference)


async def test_calls_and_tokens_are_counted() -> None:
    says = Says(VEGAN, prompt_tokens=500, completion_tokens=40, cached_tokens=384)
    with ScriptedServer([says, says, Status(400)]) as server, metered() as meter:
        policy = policy_named("openai:pa", url=server.url)
        for _ in range(3):
            await policy.infer(turn("I am vegan"), Profile(), TEMPLATE)
    used = meter.usage
    assert (used.calls, used.failed) == (3, 1)
    assert (used.input_tokens, used.cached_tokens, used.output_tokens) == (1000, 768, 80)


async def test_a_call_that_is_given_up_counts_as_failed() -> None:
    with metered() as meter:
        await read([Hangs()] * 9, seconds=0.3)
    assert (meter.usage.calls, meter.usage.failed) == (1, 1)


class TestKeys:
    KEY = "pk-very-secret-4711"

    async def ask(self, server: ScriptedServer, keys: Keys, name: str = "openai:pa") -> Any:
        policy = policy_named(name, url=server.url, keys=keys)
        return await policy.infer(turn("I am vegan"), Profile(), TEMPLATE)

    async def test_a_key_goes_to_its_own_server(self) -> None:
        with ScriptedServer([Says(VEGAN)]) as server:
            await self.ask(server, Keys.bound((f"{server.url}/", self.KEY)))
        assert server.headers[0]["authorization"] == f"Bearer {self.KEY}"

    @pytest.mark.parametrize("name", ["openai:pa", "vllm:pa"])
    async def test_and_to_no_other_and_neither_does_the_environments(
        self, name: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("OPENAI_API_KEY", self.KEY)
        with ScriptedServer([Says(VEGAN)]) as server:
            await self.ask(server, Keys.bound(("http://elsewhere/v1", self.KEY)), name)
        assert self.KEY not in json.dumps(server.headers)

    async def test_other_providers_take_no_address_as_they_would_send_their_own_key_there(self) -> None:
        with ScriptedServer([Says(VEGAN)]) as server:
            found = await self.ask(server, Keys(), "anthropic:pa")
        assert (found.kind, server.requests) == ("refused", [])
        assert "an address goes with openai:NAME or vllm:NAME" in found.detail

    async def test_a_server_that_repeats_the_key_does_not_make_it_public(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG)
        with ScriptedServer([Status(401, "you sent {authorization}")]) as server:
            found = await self.ask(server, Keys.bound((server.url, self.KEY)))
        assert "you sent Bearer ***" in found.detail
        assert self.KEY not in caplog.text

    async def test_traces_do_not_see_it(self) -> None:
        seen: list[str] = []

        class Trace(BaseCallbackHandler):
            def on_chat_model_start(self, *args: Any, **more: Any) -> None:
                seen.append(repr((args, more)))

        with ScriptedServer([Says("Hello.")]) as server:
            address = ModelAddress("openai:pa", server.url, SecretStr(self.KEY))
            model = await address.open()
            await model.ainvoke("hello", {"callbacks": [Trace()]})
        assert seen
        assert self.KEY not in seen[0]
        assert self.KEY not in repr(address)
        assert self.KEY not in repr(model)
