"""The scripted server, as the client that the package uses meets it."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
from langchain_core.messages import AIMessageChunk
from langchain_openai import ChatOpenAI
from pydantic import SecretStr

from tests.scripted_server import (
    INFERS_NOTHING,
    IS_NO_MODEL,
    Dies,
    Garbage,
    Hangs,
    Outcome,
    Says,
    ScriptedServer,
    Status,
    by_hand,
)

ROOT = Path(__file__).parents[1]
PATIENCE = 20
"""Seconds after which something is wrong, however busy the machine is."""
SOON = 5
"""Seconds in which a server stops, whatever it was at."""
CLIENTS = {
    "http_client": openai.DefaultHttpxClient(trust_env=False),
    "http_async_client": openai.DefaultAsyncHttpxClient(trust_env=False),
}
"""Made once, as each loads certificates for a tenth of a second."""


def chat(url: str, **more: Any) -> ChatOpenAI:
    """The client of a server; without retries, as these would take further replies."""
    given = {
        "api_key": SecretStr("test"),
        "model": "pa",
        "timeout": PATIENCE,
        "max_retries": 0,
        **CLIENTS,
        **more,
    }
    return ChatOpenAI(base_url=url, **given)


def parts(*replies: Outcome, **more: Any) -> Iterator[AIMessageChunk]:
    """What is streamed by a server with these replies."""
    with ScriptedServer(replies) as server:
        for part in chat(server.url, **more).stream("hello"):
            assert isinstance(part, AIMessageChunk)
            yield part


def until_asked(server: ScriptedServer) -> None:
    end = time.monotonic() + PATIENCE
    while not server.requests:
        assert time.monotonic() < end
        time.sleep(0.005)


def test_a_reply() -> None:
    says = Says("A cup of tea.", prompt_tokens=50, completion_tokens=4, cached_tokens=32)
    with ScriptedServer([says]) as server:
        said = chat(server.url).invoke("what now?")
    assert said.text == "A cup of tea."
    assert said.response_metadata["model_name"] == "pa"
    assert said.response_metadata["finish_reason"] == "stop"
    assert said.usage_metadata is not None
    assert said.usage_metadata["input_tokens"] == 50
    assert said.usage_metadata["output_tokens"] == 4
    assert said.usage_metadata["total_tokens"] == 54
    assert said.usage_metadata["input_token_details"]["cache_read"] == 32


def test_tokens_that_are_not_given_count_the_words() -> None:
    with ScriptedServer([Says("A cup of tea.")]) as server:
        said = chat(server.url).invoke([("system", "Be brief."), ("user", "what now, please?")])
    assert said.usage_metadata is not None
    assert (said.usage_metadata["input_tokens"], said.usage_metadata["output_tokens"]) == (5, 4)


@pytest.mark.parametrize("text", ["one two three  four\n\nfive ", " \n", "", "déjà vu"])
def test_a_streamed_reply(text: str) -> None:
    says = Says(text, finish_reason="length", prompt_tokens=9, cached_tokens=8)
    streamed = list(parts(says, stream_usage=True))
    assert "".join(part.text for part in streamed) == text
    assert [part.response_metadata.get("finish_reason") for part in streamed].count("length") == 1
    [usage] = [part.usage_metadata for part in streamed if part.usage_metadata]
    assert usage["input_tokens"] == 9
    assert usage["output_tokens"] == len(text.split())
    assert usage["input_token_details"]["cache_read"] == 8


def test_a_stream_comes_in_parts_and_tells_its_usage_only_where_asked() -> None:
    streamed = list(parts(Says("one two three four five")))
    assert [part.text for part in streamed if part.text] == ["one two three", " four five"]
    assert not any(part.usage_metadata for part in streamed)


async def test_the_asynchronous_client_is_answered_too() -> None:
    with ScriptedServer([Says("one two three four"), Says("five")]) as server:
        model = chat(server.url)
        assert "".join([part.text async for part in model.astream("hello")]) == "one two three four"
        assert (await model.ainvoke("hello")).text == "five"


def test_replies_come_in_order_and_then_otherwise() -> None:
    with ScriptedServer([Says("one"), Says("two")], otherwise=Says("more")) as server:
        model = chat(server.url)
        assert [model.invoke(str(number)).text for number in range(4)] == ["one", "two", "more", "more"]
    assert [body["messages"][0]["content"] for body in server.requests] == ["0", "1", "2", "3"]
    assert [headers["authorization"] for headers in server.headers] == ["Bearer test"] * 4


def test_each_reply_is_given_once_to_many_who_ask_together() -> None:
    replies = [str(number) for number in range(20)]
    with ScriptedServer(map(Says, replies)) as server, ThreadPoolExecutor(10) as pool:
        model = chat(server.url)
        said = list(pool.map(lambda _: model.invoke("hello").text, replies))
    assert sorted(said) == sorted(replies)
    assert len(server.requests) == len(server.headers) == 20


def test_a_reply_can_depend_on_the_request() -> None:
    def echo(body: dict[str, Any]) -> Says:
        return Says(body["messages"][-1]["content"].upper())

    with ScriptedServer(otherwise=echo) as server:
        assert chat(server.url).invoke("hello").text == "HELLO"


def test_a_script_that_is_over_says_so() -> None:
    with ScriptedServer() as server, pytest.raises(openai.InternalServerError, match="script is over"):
        chat(server.url).invoke("hello")


@pytest.mark.parametrize(
    ("code", "error", "raised"),
    [
        (400, None, openai.BadRequestError),
        (401, "invalid_api_key", openai.AuthenticationError),
        (404, "model_not_found", openai.NotFoundError),
        (429, "rate_limit_exceeded", openai.RateLimitError),
        (500, None, openai.InternalServerError),
        (503, None, openai.InternalServerError),
    ],
)
def test_a_status(code: int, error: str | None, raised: type[openai.APIStatusError]) -> None:
    status = Status(code, "because", {"Retry-After": "7"})
    with ScriptedServer([status]) as server, pytest.raises(raised, match="because") as caught:
        chat(server.url).invoke("hello")
    assert (caught.value.status_code, caught.value.code) == (code, error)
    assert caught.value.response.headers["retry-after"] == "7"
    with pytest.raises(raised, match="because"):
        list(parts(status))


def test_a_status_has_the_error_code_that_is_given() -> None:
    status = Status(429, error="insufficient_quota")
    with ScriptedServer([status]) as server, pytest.raises(openai.RateLimitError) as caught:
        chat(server.url).invoke("hello")
    assert caught.value.code == "insufficient_quota"


def test_a_message_can_tell_the_key() -> None:
    status = Status(401, 'wrong: {authorization} {"not": "replaced"}')
    with ScriptedServer([status]) as server, pytest.raises(openai.AuthenticationError) as caught:
        chat(server.url, api_key=SecretStr("sk-secret")).invoke("hello")
    assert 'wrong: Bearer sk-secret {"not": "replaced"}' in str(caught.value)


def test_hanging_outlasts_the_client() -> None:
    with ScriptedServer([Hangs()]) as server, pytest.raises(openai.APITimeoutError):
        chat(server.url, timeout=0.1).invoke("hello")


@pytest.mark.parametrize("reply", [Dies(), Dies("some text"), Hangs(0.01)])
def test_a_connection_that_is_closed_without_an_answer(reply: Outcome) -> None:
    with ScriptedServer([reply]) as server, pytest.raises(openai.APIConnectionError) as caught:
        chat(server.url).invoke("hello")
    assert not isinstance(caught.value, openai.APITimeoutError)


def test_dying_in_mid_stream() -> None:
    streamed: list[str] = []
    with pytest.raises(openai.APIConnectionError):
        streamed.extend(part.text for part in parts(Dies("one two three four")))
    assert "".join(streamed) == "one two three four"


def test_dying_before_the_stream() -> None:
    with pytest.raises(openai.APIConnectionError):
        list(parts(Dies()))


def test_garbage() -> None:
    with ScriptedServer([Garbage()]) as server, pytest.raises(json.JSONDecodeError):
        chat(server.url).invoke("hello")
    with pytest.raises(json.JSONDecodeError):
        list(parts(Garbage(b"data: nonsense\n\n", "text/event-stream")))


def test_stopping_is_quick_and_ends_what_hangs() -> None:
    with ThreadPoolExecutor() as pool:
        with ScriptedServer([Hangs()]) as server:
            asked = pool.submit(chat(server.url).invoke, "hello")
            until_asked(server)
            start = time.monotonic()
        assert time.monotonic() - start < SOON
        assert isinstance(asked.exception(), openai.APIConnectionError)


def test_stopping_is_quick_when_a_client_says_nothing() -> None:
    server = ScriptedServer()
    with httpx.Client() as client, server:
        client.get(server.url.replace("/v1", "/health")).raise_for_status()
        start = time.monotonic()
    assert time.monotonic() - start < SOON


def test_a_server_that_has_stopped_refuses_connections() -> None:
    with ScriptedServer(otherwise=Says("hello")) as server:
        pass
    with pytest.raises(openai.APIConnectionError):
        chat(server.url).invoke("hello")


def test_the_models_are_listed() -> None:
    with ScriptedServer(models=["pa", "qwen"], owned_by="vllm") as server:
        listed = httpx.get(f"{server.url}/models").json()["data"]
    assert [(one["id"], one["object"], one["owned_by"]) for one in listed] == [
        ("pa", "model", "vllm"),
        ("qwen", "model", "vllm"),
    ]


@pytest.mark.parametrize(("method", "path"), [("GET", "/"), ("GET", "/v1/chat/completions"), ("POST", "/v1")])
def test_other_paths_are_not_found(method: str, path: str) -> None:
    with ScriptedServer() as server:
        found = httpx.request(method, server.url.removesuffix("/v1") + path)
    assert (found.status_code, found.json()["error"]["code"]) == (404, "unknown_url")


@pytest.mark.parametrize("content", ["nonsense", "[]", "{}", '{"messages": []}'])
def test_a_body_that_is_no_chat_is_refused_and_takes_no_reply(content: str) -> None:
    with ScriptedServer([Says("hello")]) as server:
        refused = httpx.post(f"{server.url}/chat/completions", content=content)
        assert chat(server.url).invoke("hello").text == "hello"
    assert refused.status_code == 400
    assert len(server.requests) == 1


def test_what_is_answered_by_hand() -> None:
    with ScriptedServer(otherwise=by_hand) as server:
        model = chat(server.url)
        assert model.invoke("<message>I am vegan</message>").text == INFERS_NOTHING
        assert model.invoke("I am vegan").text == IS_NO_MODEL


@pytest.fixture
def started() -> Iterator[subprocess.Popen[str]]:
    """The server as a command."""
    command = [sys.executable, "-m", "tests.scripted_server", "--says", "A cup of tea."]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        yield process
        process.kill()


def test_as_a_command_it_serves_until_it_is_interrupted(started: subprocess.Popen[str]) -> None:
    assert started.stdout is not None
    url = started.stdout.readline().strip()
    assert chat(url).invoke("hello").text == "A cup of tea."
    started.send_signal(signal.SIGINT)
    assert started.wait(timeout=PATIENCE) == 0
