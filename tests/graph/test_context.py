from dataclasses import dataclass, fields
from typing import Any

import pytest
from langgraph.runtime import Runtime, ServerInfo
from langgraph.store.memory import InMemoryStore

from personalagent import Context, Need, ScriptedPolicy, build, load_template
from personalagent.errors import InvalidUserId, SettingError
from personalagent.graph.context import OPENAI_MODEL, Parts, keys_from_env, settings, user_of, with_defaults
from personalagent.policies.clients import VLLM_URL
from tests.make import says


def test_an_empty_environment_gives_the_defaults() -> None:
    assert Context.from_env({}) == Context()


def test_the_environment_is_read_and_explicit_values_beat_it() -> None:
    environ = {
        "PERSONALAGENT_ASK": "chat",
        "PERSONALAGENT_QUESTION_BUDGET": "7",
        "PERSONALAGENT_SPECIAL_CATEGORIES": "never",
        "PERSONALAGENT_MODEL": "openai:some-model",
        "PERSONALAGENT_MODEL_URL": "http://localhost:9/v1",
        "PERSONALAGENT_POLICY": "vllm:pa",
        "PERSONALAGENT_POLICY_URL": "https://policies.example/v1",
        "PERSONALAGENT_POLICY_SECONDS": "7.5",
        "PERSONALAGENT_REPLY_MODE": "reflect",
        "PERSONALAGENT_REPLY_SECONDS": "30",
    }
    context = Context.from_env(environ, user_id="ada", ask="never")
    assert context == Context(
        user_id="ada",
        ask="never",
        question_budget=7,
        special_categories="never",
        model="openai:some-model",
        model_url="http://localhost:9/v1",
        policy="vllm:pa",
        policy_url="https://policies.example/v1",
        policy_seconds=7.5,
        reply_mode="reflect",
        reply_seconds=30,
    )


def test_every_setting_has_its_variable() -> None:
    given = {"PERSONALAGENT_" + one.name.upper(): str(one.default) for one in fields(Context) if one.default}
    assert Context.from_env(given) == Context()
    assert "PERSONALAGENT_USER_ID" not in given


def test_keys_are_no_settings_and_are_bound_to_the_servers_of_the_settings() -> None:
    context = Context(policy_url="http://a/v1", model_url="http://b/v1/")
    environ = {"PERSONALAGENT_POLICY_KEY": "pk", "PERSONALAGENT_MODEL_KEY": "mk"}
    keys = keys_from_env(context, environ)
    held = {url: keys.of(url) for url in ("http://a/v1/", "http://b/v1", "http://c/v1", "")}
    assert {url: key.get_secret_value() for url, key in held.items() if key} == {
        "http://a/v1/": "pk",
        "http://b/v1": "mk",
    }
    assert "pk" not in repr(keys)
    local = keys_from_env(Context(policy="vllm:pa"), {"PERSONALAGENT_POLICY_KEY": "pk"})
    assert local.of(VLLM_URL) is not None, "where vLLM listens by itself"
    with pytest.raises(SettingError, match="MODEL_KEY is set without PERSONALAGENT_MODEL_URL"):
        keys_from_env(Context(policy_url="http://a/v1"), environ)


def test_a_key_alone_means_the_default_model_and_a_named_model_beats_it() -> None:
    assert Context.from_env({"OPENAI_API_KEY": "sk-x"}).model == OPENAI_MODEL
    named = {"OPENAI_API_KEY": "sk-x", "PERSONALAGENT_MODEL": "openai:other"}
    assert Context.from_env(named).model == "openai:other"


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("PERSONALAGENT_ASK", "shout"),
        ("PERSONALAGENT_QUESTION_BUDGET", "many"),
        ("PERSONALAGENT_QUESTION_BUDGET", "-1"),
        ("PERSONALAGENT_SPECIAL_CATEGORIES", "always"),
        ("PERSONALAGENT_MODEL", "just-a-name"),
        ("PERSONALAGENT_MODEL_URL", "localhost:8000"),
        ("PERSONALAGENT_POLICY", "magic"),
        ("PERSONALAGENT_POLICY", "openai:"),
        ("PERSONALAGENT_POLICY_URL", "ftp://example"),
        ("PERSONALAGENT_POLICY_SECONDS", "soon"),
        ("PERSONALAGENT_POLICY_SECONDS", "0"),
        ("PERSONALAGENT_POLICY_SECONDS", "nan"),
        ("PERSONALAGENT_REPLY_SECONDS", "-1"),
        ("PERSONALAGENT_REPLY_MODE", "shout"),
    ],
)
def test_a_wrong_value_gives_one_line_that_names_the_variable(variable: str, value: str) -> None:
    with pytest.raises(SettingError) as caught:
        Context.from_env({variable: value})
    assert str(caught.value).startswith(f"{variable}={value!r}: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("scheme", ["http", "ftp"])
def test_a_password_in_an_address_is_not_repeated(scheme: str) -> None:
    with pytest.raises(SettingError, match="PERSONALAGENT_POLICY_URL=") as caught:
        Context.from_env({"PERSONALAGENT_POLICY_URL": f"{scheme}://me:hunter2@example/v1"})
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    "wrong",
    [
        {"ask": "shout"},
        {"question_budget": 1.5},
        {"question_budget": True},
        {"model": "x"},
        {"policy": "x"},
        {"policy_url": 3},
        {"model_url": "http://me:secret@example/v1"},
        {"reply_seconds": True},
    ],
)
def test_a_wrong_explicit_value_is_an_error_too(wrong: dict[str, Any]) -> None:
    with pytest.raises(SettingError, match=next(iter(wrong))):
        Context(**wrong)


def test_every_setting_is_described_for_studio() -> None:
    assert all(field.metadata.get("description") for field in fields(Context))


def test_a_run_inherits_the_deployments_settings_and_its_own_beat_them() -> None:
    schema = with_defaults(Context(ask="chat", question_budget=1, model="openai:x"))
    assert (schema(user_id="ada").ask, schema(user_id="ada").question_budget) == ("chat", 1)
    assert schema(user_id="ada", ask="never").ask == "never"
    assert schema().user_id == ""
    with pytest.raises(SettingError):
        schema(question_budget=-1)


async def test_the_graph_takes_them_from_its_defaults() -> None:
    needs = {"film?": [Need(slot="interests.film.genre", weight=1.0)]}
    parts = Parts(ScriptedPolicy(needs=needs), load_template())
    agent = build(parts, Context(ask="chat")).compile(store=InMemoryStore())
    context: Any = {"user_id": "ada"}
    state = await agent.ainvoke(says("film?"), context=context)
    assert state["reply"] == "What kinds of films do you enjoy most?"


@dataclass
class Caller:
    """A user as the server hands it on."""

    identity: str
    is_authenticated: bool = True


def runtime(claimed: str, caller: Caller | None) -> Runtime[Context]:
    info: Any = ServerInfo(assistant_id="a", graph_id="agent", user=caller)  # type: ignore[arg-type]
    return Runtime(context=Context(user_id=claimed), server_info=info)


@pytest.mark.parametrize("claimed", ["", "ada"])
def test_the_authenticated_caller_is_the_user(claimed: str) -> None:
    assert user_of(runtime(claimed, Caller("ada"))) == "ada"


def test_nobody_acts_for_somebody_else() -> None:
    with pytest.raises(InvalidUserId, match="not the authenticated user"):
        user_of(runtime("bob", Caller("ada")))


@pytest.mark.parametrize("caller", [None, Caller("", is_authenticated=False)])
def test_without_authentication_the_context_says_who_it_is(caller: Caller | None) -> None:
    assert user_of(runtime("ada", caller)) == "ada"
    with pytest.raises(InvalidUserId, match="missing"):
        user_of(runtime("", caller))


def test_an_authenticated_caller_does_not_choose_whom_the_deployment_talks_to() -> None:
    schema = with_defaults(Context(policy="vllm:pa", policy_url="http://models.internal/v1"))
    info: Any = ServerInfo(assistant_id="a", graph_id="agent", user=Caller("ada"))  # type: ignore[arg-type]
    inherited = Runtime(context=schema(policy="vllm:ada"), server_info=info)
    assert settings(inherited).policy_url == "http://models.internal/v1"
    for name in ("policy_url", "model_url"):
        elsewhere: dict[str, Any] = {name: "http://169.254.169.254/"}
        chosen = Runtime(context=schema(**elsewhere), server_info=info)
        with pytest.raises(SettingError, match=f"{name} is the deployment's to choose"):
            settings(chosen)
