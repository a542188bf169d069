"""The graph: six nodes, readable on one screen."""

import os
from functools import partial
from pathlib import Path
from typing import Literal

from langchain_core.language_models import BaseChatModel
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph import START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.store.base import BaseStore

from personalagent.graph.context import PREFIX, Context, Parts, keys_from_env, with_defaults
from personalagent.graph.state import InputState, State
from personalagent.nodes.check import check_sufficiency
from personalagent.nodes.clarify import clarify
from personalagent.nodes.decompose import decompose_messages
from personalagent.nodes.infer import infer
from personalagent.nodes.merge import merge_entries
from personalagent.nodes.respond import respond
from personalagent.policies.choose import policy_named
from personalagent.policies.clients import Keys
from personalagent.policies.policy import Policy
from personalagent.profile.template import Template, load_template
from personalagent.stores.index import MemoryIndex, PreferenceIndex, index_at

PersonalAgent = CompiledStateGraph[State, Context, InputState, State]


def after_decompose(state: State) -> Literal["decompose", "infer", "respond"]:
    """Messages without any text go straight to the reply, which says so; a stranger's are refused."""
    if state.get("refused"):
        return "decompose"
    return "infer" if state.get("turns") else "respond"


def after_merge(state: State) -> Literal["infer", "check"]:
    """A long history is read in batches."""
    return "infer" if state.get("turns") else "check"


def after_check(state: State) -> Literal["clarify", "respond"]:
    """Ask where the profile is not enough."""
    sufficiency = state.get("sufficiency") or {}
    return "clarify" if sufficiency.get("decision") == "clarify" else "respond"


def build(parts: Parts, defaults: Context | None = None) -> StateGraph[State, Context, InputState, State]:
    """The graph over the given parts, not compiled: for changes of one's own.

    What a run's context leaves out is taken from `defaults`.
    """
    schema = with_defaults(defaults) if defaults else Context
    builder = StateGraph(State, context_schema=schema, input_schema=InputState)
    builder.add_node("decompose", decompose_messages)
    builder.add_node("infer", partial(infer, parts=parts))
    builder.add_node("merge", merge_entries)
    builder.add_node("check", partial(check_sufficiency, parts=parts))
    builder.add_node("clarify", clarify)
    builder.add_node("respond", partial(respond, parts=parts))
    builder.add_edge(START, "decompose")
    builder.add_conditional_edges("decompose", after_decompose)
    builder.add_edge("infer", "merge")
    builder.add_conditional_edges("merge", after_merge)
    builder.add_conditional_edges("check", after_check)
    return builder


def create_personal_agent(
    *,
    policy: Policy | None = None,
    chat_model: BaseChatModel | None = None,
    keys: Keys | None = None,
    store: BaseStore | None = None,
    checkpointer: BaseCheckpointSaver[str] | None = None,
    template: Template | None = None,
    index: PreferenceIndex | None = None,
) -> PersonalAgent:
    """The agent as a compiled graph.

    Without a policy it uses the embedded one, with an index in memory if none is given; with a policy of
    your own and no index the reply is handed what the request needs or names, and no more. Without a chat
    model it replies with a plain brief; without store and checkpointer it takes those of the graph around
    it, or of the server. `keys` are for the servers that a run's context names. Each run takes
    ``context=Context(user_id=...)``.
    """
    if policy is None:
        policy, index = policy_named(), index or MemoryIndex()
    parts = Parts(policy, template or load_template(), chat_model, index, keys=keys or Keys())
    return build(parts).compile(checkpointer=checkpointer, store=store, name="PersonalAgent")


def _from_env() -> PersonalAgent:
    extra, defaults = os.environ.get(f"{PREFIX}TEMPLATE"), Context.from_env()
    parts = Parts(
        policy_named(),
        load_template(Path(extra) if extra else None),
        index=index_at(os.environ.get(f"{PREFIX}INDEX") or "memory:"),
        keys=keys_from_env(defaults),
    )
    return build(parts, defaults).compile(name="PersonalAgent")


graph = _from_env()
"""For LangGraph Studio and `langgraph up`, which bring their own store and checkpointer."""
