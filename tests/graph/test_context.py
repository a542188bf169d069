from dataclasses import dataclass, fields
from typing import Any

import pytest
from langgraph.runtime import Runtime, ServerInfo
from langgraph.store.memory import InMemoryStore

from personalagent import Context, Need, ScriptedPolicy, build, load_template
from personalagent.errors import InvalidUserId, SettingError
from personalagent.graph.context import OPENAI_MODEL, Parts, user_of, with_defaults
from tests.make import says


def test_an_empty_environment_gives_the_defaults() -> None:
    assert Context.from_env({}) == Context()


def test_the_environment_is_read_and_explicit_values_beat_it() -> None:
    environ = {
        "PERSONALAGENT_ASK": "chat",
        "PERSONALAGENT_QUESTION_BUDGET": "7",
        "PERSONALAGENT_SPECIAL_CATEGORIES": "never",
        "PERSONALAGENT_MODEL": "openai:some-model",
    }
    context = Context.from_env(environ, user_id="ada", ask="never")
    assert context == Context(
        user_id="ada", ask="never", question_budget=7, special_categories="never", model="openai:some-model"
    )


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
    ],
)
def test_a_wrong_value_gives_one_line_that_names_the_variable(variable: str, value: str) -> None:
    with pytest.raises(SettingError) as caught:
        Context.from_env({variable: value})
    assert str(caught.value).startswith(f"{variable}={value!r}: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "wrong", [{"ask": "shout"}, {"question_budget": 1.5}, {"question_budget": True}, {"model": "x"}]
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
