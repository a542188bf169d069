"""What a run is told from outside (Context), what the graph is built of (Parts), and who the user is."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, make_dataclass
from typing import Any, Literal, Self, get_args

from langchain_core.language_models import BaseChatModel
from langgraph.runtime import Runtime

from personalagent.dialogue import valid_user_id
from personalagent.errors import InvalidUserId, PersonalAgentError, SettingError
from personalagent.policies.chat import SECONDS
from personalagent.policies.choose import check_policy, policy_named
from personalagent.policies.clients import Keys, address_of
from personalagent.policies.embedded import EmbeddedPolicy
from personalagent.policies.policy import Policy
from personalagent.profile.evidence import SpecialCategories
from personalagent.profile.template import Template
from personalagent.stores.index import PreferenceIndex
from personalagent.stores.profiles import ProfileStore

Ask = Literal["interrupt", "chat", "never"]
ReplyMode = Literal["direct", "reflect"]
PREFIX = "PERSONALAGENT_"
OPENAI_MODEL = "openai:gpt-4.1-mini"
"""The response model where only OPENAI_API_KEY says that there is one."""
REPLY_SECONDS = 120.0


@dataclass(kw_only=True)
class Context:
    """Per-run settings; Studio shows them as a form. Keys are no settings: see `keys_from_env`."""

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
    policy: str = field(
        default="",
        metadata={
            "description": "Who reads: embedded, rules, vllm:NAME (a model or LoRA adapter), provider:name; "
            "empty: the deployment's."
        },
    )
    policy_url: str = field(
        default="", metadata={"description": "Base URL of the policy's server; empty: the provider's own."}
    )
    policy_seconds: float = field(
        default=SECONDS, metadata={"description": "Time for one call of the policy, repetitions included."}
    )
    model: str = field(
        default="",
        metadata={"description": "Response model, provider:name; empty: the deployment's, or a plain brief."},
    )
    model_url: str = field(
        default="",
        metadata={"description": "Base URL of the response model's server; empty: the provider's own."},
    )
    reply_mode: ReplyMode = field(
        default="direct",
        metadata={
            "description": "Write the reply to fit at once (direct), or for anybody and then again (reflect)."
        },
    )
    reply_seconds: float = field(
        default=REPLY_SECONDS, metadata={"description": "Time for one reply, repetitions included."}
    )

    def __post_init__(self) -> None:
        _one_of("ask", self.ask, get_args(Ask))
        _one_of("special_categories", self.special_categories, get_args(SpecialCategories))
        _one_of("reply_mode", self.reply_mode, get_args(ReplyMode))
        if type(self.question_budget) is not int or self.question_budget < 0:
            raise SettingError(f"question_budget must be a whole number >= 0, not {self.question_budget!r}")
        if self.policy:
            check_policy(self.policy)
        if self.model and not all(self.model.partition(":")):
            raise SettingError(f"model must be provider:name, such as {OPENAI_MODEL}, not {self.model!r}")
        for name in ("policy_url", "model_url"):
            _an_address(name, getattr(self, name))
        for name in ("policy_seconds", "reply_seconds"):
            _a_time(name, getattr(self, name))

    @classmethod
    def from_env(cls, environ: Mapping[str, str] = os.environ, **explicit: Any) -> Self:
        """The settings in the variables PERSONALAGENT_ASK, PERSONALAGENT_MODEL and so on, one for each field.

        `explicit` values beat the environment. With OPENAI_API_KEY and no model named, the model
        is `OPENAI_MODEL`. Raises `SettingError`, which names the variable.
        """
        found: dict[str, Any] = {}
        for one in fields(Context):
            variable = PREFIX + one.name.upper()
            if one.name != "user_id" and (value := environ.get(variable, "").strip()):
                found[one.name] = _parsed(variable, one.name, value)
        if environ.get("OPENAI_API_KEY"):
            found.setdefault("model", OPENAI_MODEL)
        return cls(**{**found, **explicit})


def keys_from_env(context: Context, environ: Mapping[str, str] = os.environ) -> Keys:
    """The keys in PERSONALAGENT_POLICY_KEY and PERSONALAGENT_MODEL_KEY, for the addresses of these settings.

    They are in no state, trace or form, and are sent to these addresses only. Raises `SettingError` for a key
    without an address.
    """
    places = {
        "POLICY": address_of(context.policy, context.policy_url),
        "MODEL": address_of(context.model, context.model_url),
    }
    keys = {whose: environ.get(f"{PREFIX}{whose}_KEY", "").strip() for whose in places}
    for whose, key in keys.items():
        if key and not places[whose]:
            raise SettingError(
                f"{PREFIX}{whose}_KEY is set without {PREFIX}{whose}_URL: no server is its own"
            )
    return Keys.bound(*((places[whose], key) for whose, key in keys.items()))


@dataclass(frozen=True)
class Parts:
    """What the graph's nodes work with; fixed when the graph is built."""

    policy: Policy
    template: Template
    chat_model: BaseChatModel | None = None
    index: PreferenceIndex | None = None
    stand_in: Policy = field(default_factory=EmbeddedPolicy)
    """Names the needs of a request where the policy cannot."""
    keys: Keys = field(default_factory=Keys)


def with_defaults(defaults: Context) -> type[Context]:
    """The schema of a context in which what a run leaves out is taken from `defaults`."""
    own = [
        (one.name, one.type, field(default=getattr(defaults, one.name), metadata=one.metadata))
        for one in fields(Context)
    ]
    return make_dataclass("Context", own, bases=(Context,), kw_only=True)


def settings(runtime: Runtime[Context]) -> Context:
    """The run's context, checked; the defaults if the caller gave none.

    Raises `SettingError` if an authenticated caller names another server than the deployment does: it would
    be asked from within the deployment's network.
    """
    context = runtime.context or Context()
    if _caller(runtime) is not None:
        for name in ("policy_url", "model_url"):
            if getattr(context, name) != getattr(type(context), name):
                raise SettingError(f"{name} is the deployment's to choose")
    return context


def policy_of(runtime: Runtime[Context], parts: Parts) -> Policy:
    """The policy of this run: the one that its context names, else the graph's."""
    context = settings(runtime)
    if not context.policy:
        return parts.policy
    return policy_named(
        context.policy, url=context.policy_url, keys=parts.keys, seconds=context.policy_seconds
    )


def user_of(runtime: Runtime[Context]) -> str:
    """The user of this run: the authenticated caller where there is one, else ``context.user_id``.

    Raises `InvalidUserId` if there is neither, or if they differ: nobody acts for somebody else.
    """
    claimed, caller = settings(runtime).user_id, _caller(runtime)
    if caller is None:
        return valid_user_id(claimed)
    if claimed and claimed != caller:
        raise InvalidUserId(f"context.user_id {claimed!r} is not the authenticated user")
    return valid_user_id(caller)


def profiles_of(runtime: Runtime[Context]) -> ProfileStore:
    """The profiles in the run's store; raises `PersonalAgentError` if the graph has none."""
    if runtime.store is None:
        raise PersonalAgentError(
            "the graph has no store: pass store= to create_personal_agent, or to compile() of the outer graph"
        )
    return ProfileStore(runtime.store)


def _caller(runtime: Runtime[Context]) -> str | None:
    """The identity of the authenticated caller, where there is one."""
    caller = runtime.server_info.user if runtime.server_info else None
    return caller.identity if caller is not None and caller.is_authenticated else None


def _parsed(variable: str, name: str, value: str) -> object:
    numbers: dict[str, type[int] | type[float]] = {
        "question_budget": int,
        "policy_seconds": float,
        "reply_seconds": float,
    }
    try:
        parsed: Any = numbers[name](value) if name in numbers else value
        Context(**{name: parsed})
    except ValueError as error:
        shown = "***" if "@" in value else repr(value)
        raise SettingError(f"{variable}={shown}: {error}") from error
    return parsed


def _one_of(name: str, value: object, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise SettingError(f"{name} must be one of {', '.join(allowed)}, not {value!r}")


def _an_address(name: str, value: object) -> None:
    if isinstance(value, str) and "@" in value:
        raise SettingError(f"{name} must not hold a password: pass keys by {PREFIX}POLICY_KEY or _MODEL_KEY")
    if value and not (isinstance(value, str) and value.startswith(("http://", "https://"))):
        raise SettingError(f"{name} must begin with http:// or https://, not {value!r}")


def _a_time(name: str, value: object) -> None:
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 < value <= 3600:
        raise SettingError(f"{name} must be a number of seconds, more than 0 and at most 3600, not {value!r}")
