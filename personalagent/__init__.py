"""PersonalAgent learns who a user is turn by turn, asks when it must, and answers to fit.

Names are loaded on first use, so that importing the package costs next to nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from personalagent.dialogue import Dialogue, Session, Turn, decompose
    from personalagent.errors import PersonalAgentError
    from personalagent.graph.agent import build, create_personal_agent
    from personalagent.graph.context import Context
    from personalagent.policies.chat import ChatPolicy
    from personalagent.policies.clients import Keys, ModelAddress
    from personalagent.policies.embedded import EmbeddedPolicy
    from personalagent.policies.notation import parse_inference, write_inference
    from personalagent.policies.policy import Failure, Policy
    from personalagent.policies.prompt import inference_prompt
    from personalagent.policies.rules import RulePolicy
    from personalagent.policies.scripted import ScriptedChatModel, ScriptedPolicy
    from personalagent.profile.preference import Evidence, Inference, Need, Operation, Preference
    from personalagent.profile.profile import Profile, fold, merge, render, undo
    from personalagent.profile.sufficiency import Sufficiency, check
    from personalagent.profile.template import Template, load_template
    from personalagent.stores.backends import Backend, open_backend
    from personalagent.stores.index import MemoryIndex, PreferenceIndex, open_index
    from personalagent.stores.profiles import ProfileStore

__version__ = "0.1.0"

_HOME = {
    "Backend": "stores.backends",
    "ChatPolicy": "policies.chat",
    "Context": "graph.context",
    "Dialogue": "dialogue",
    "EmbeddedPolicy": "policies.embedded",
    "Evidence": "profile.preference",
    "Failure": "policies.policy",
    "Inference": "profile.preference",
    "Keys": "policies.clients",
    "MemoryIndex": "stores.index",
    "ModelAddress": "policies.clients",
    "Need": "profile.preference",
    "Operation": "profile.preference",
    "PersonalAgentError": "errors",
    "Policy": "policies.policy",
    "Preference": "profile.preference",
    "PreferenceIndex": "stores.index",
    "Profile": "profile.profile",
    "ProfileStore": "stores.profiles",
    "RulePolicy": "policies.rules",
    "ScriptedChatModel": "policies.scripted",
    "ScriptedPolicy": "policies.scripted",
    "Session": "dialogue",
    "Sufficiency": "profile.sufficiency",
    "Template": "profile.template",
    "Turn": "dialogue",
    "build": "graph.agent",
    "check": "profile.sufficiency",
    "create_personal_agent": "graph.agent",
    "decompose": "dialogue",
    "fold": "profile.profile",
    "inference_prompt": "policies.prompt",
    "load_template": "profile.template",
    "merge": "profile.profile",
    "open_backend": "stores.backends",
    "open_index": "stores.index",
    "parse_inference": "policies.notation",
    "render": "profile.profile",
    "undo": "profile.profile",
    "write_inference": "policies.notation",
}

__all__ = [
    "Backend",
    "ChatPolicy",
    "Context",
    "Dialogue",
    "EmbeddedPolicy",
    "Evidence",
    "Failure",
    "Inference",
    "Keys",
    "MemoryIndex",
    "ModelAddress",
    "Need",
    "Operation",
    "PersonalAgentError",
    "Policy",
    "Preference",
    "PreferenceIndex",
    "Profile",
    "ProfileStore",
    "RulePolicy",
    "ScriptedChatModel",
    "ScriptedPolicy",
    "Session",
    "Sufficiency",
    "Template",
    "Turn",
    "build",
    "check",
    "create_personal_agent",
    "decompose",
    "fold",
    "inference_prompt",
    "load_template",
    "merge",
    "open_backend",
    "open_index",
    "parse_inference",
    "render",
    "undo",
    "write_inference",
]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
