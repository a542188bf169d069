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
    from personalagent.policies.embedded import EmbeddedPolicy
    from personalagent.policies.policy import Failure, Policy
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
    "Context": "graph.context",
    "Dialogue": "dialogue",
    "EmbeddedPolicy": "policies.embedded",
    "Evidence": "profile.preference",
    "Failure": "policies.policy",
    "Inference": "profile.preference",
    "MemoryIndex": "stores.index",
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
    "load_template": "profile.template",
    "merge": "profile.profile",
    "open_backend": "stores.backends",
    "open_index": "stores.index",
    "render": "profile.profile",
    "undo": "profile.profile",
}

__all__ = [
    "Backend",
    "Context",
    "Dialogue",
    "EmbeddedPolicy",
    "Evidence",
    "Failure",
    "Inference",
    "MemoryIndex",
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
    "load_template",
    "merge",
    "open_backend",
    "open_index",
    "render",
    "undo",
]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
