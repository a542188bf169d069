"""What a run is told from outside (Context), what the graph is built of (Parts), and who the user is."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, make_dataclass
from typing import Any, Literal, Self, get_args

from langchain_core.language_models import BaseChatModel
from langgraph.runtime import Runtime

from personalagent.dialogue import valid_user_id
from personalagent.errors import InvalidUserId, PersonalAgentError, SettingError
from personalagent.policies.policy import Policy
from personalagent.profile.evidence import SpecialCategories
from personalagent.profile.template import Template
from personalagent.stores.index import PreferenceIndex
from personalagent.stores.profiles import ProfileStore

Ask = Literal["interrupt", "chat", "never"]
PREFIX = "PERSONALAGENT_"
OPENAI_MODEL = "openai:gpt-4.1-mini"
"""The response model where only OPENAI_API_KEY says that there is one."""


@dataclass(kw_only=True)
class Context:
    """Per-run settings; Studio shows them as a form."""

    user_id: str = field(default="", metadata={"description": "Whose profile this is. Required."})
    ask: Ask = field(
        default="interrupt",
        metadata={
            "description": "How to ask: pause the run (interrupt), reply with the question (chat), or never."
        },
    )
    question_budget: int = field(
        default=3, metadata={"description": "How many questions one conversation may hold."}
    )
    special_categories: SpecialCategories = field(
        default="stated",
        metadata={
            "description": "Health, belief, politics, orientation, ethnicity: stated outright, or never."
        },
    )
    model: str = field(
        default="",
        metadata={"description": "Response model, provider:name; empty: the deployment's, or a plain brief."},
    )

    def __post_init__(self) -> None:
        _one_of("ask", self.ask, get_args(Ask))
        _one_of("special_categories", self.special_categories, get_args(SpecialCategories))
        if type(self.question_budget) is not int or self.question_budget < 0:
            raise SettingError(f"question_budget must be a whole number >= 0, not {self.question_budget!r}")
        if self.model and ":" not in self.model:
            raise SettingError(f"model must be provider:name, such as {OPENAI_MODEL}, not {self.model!r}")

    @classmethod
    def from_env(cls, environ: Mapping[str, str] = os.environ, **explicit: Any) -> Self:
        """The settings in PERSONALAGENT_ASK, _QUESTION_BUDGET, _SPECIAL_CATEGORIES and _MODEL.

        `explicit` values beat the environment. With OPENAI_API_KEY and no model named, the model
        is `OPENAI_MODEL`. Raises `SettingError`, which names the variable.
        """
        found: dict[str, Any] = {}
        for name in ("ask", "question_budget", "special_categories", "model"):
            variable = PREFIX + name.upper()
            if value := environ.get(variable, "").strip():
                found[name] = _parsed(variable, name, value)
        if environ.get("OPENAI_API_KEY"):
            found.setdefault("model", OPENAI_MODEL)
        return cls(**{**found, **explicit})


@dataclass(frozen=True)
class Parts:
    """What the graph's nodes work with; fixed when the graph is built."""

    policy: Policy
    template: Template
    chat_model: BaseChatModel | None = None
    index: PreferenceIndex | None = None


def with_defaults(defaults: Context) -> type[Context]:
    """The schema of a context in which what a run leaves out is taken from `defaults`."""
    own = [
        (one.name, one.type, field(default=getattr(defaults, one.name), metadata=one.metadata))
        for one in fields(Context)
    ]
    return make_dataclass("Context", own, bases=(Context,), kw_only=True)


def settings(runtime: Runtime[Context]) -> Context:
    """The run's context, checked; the defaults if the caller gave none."""
    return runtime.context or Context()


def user_of(runtime: Runtime[Context]) -> str:
    """The user of this run: the authenticated caller where there is one, else ``context.user_id``.

    Raises `InvalidUserId` if there is neither, or if they differ: nobody acts for somebody else.
    """
    claimed = settings(runtime).user_id
    caller = runtime.server_info.user if runtime.server_info else None
    if caller is None or not caller.is_authenticated:
        return valid_user_id(claimed)
    if claimed and claimed != caller.identity:
        raise InvalidUserId(f"context.user_id {claimed!r} is not the authenticated user")
    return valid_user_id(caller.identity)


def profiles_of(runtime: Runtime[Context]) -> ProfileStore:
    """The profiles in the run's store; raises `PersonalAgentError` if the graph has none."""
    if runtime.store is None:
        raise PersonalAgentError(
            "the graph has no store: pass store= to create_personal_agent, or to compile() of the outer graph"
        )
    return ProfileStore(runtime.store)


def _parsed(variable: str, name: str, value: str) -> object:
    try:
        parsed: Any = int(value) if name == "question_budget" else value
        Context(**{name: parsed})
    except ValueError as error:
        raise SettingError(f"{variable}={value!r}: {error}") from error
    return parsed


def _one_of(name: str, value: object, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise SettingError(f"{name} must be one of {', '.join(allowed)}, not {value!r}")
