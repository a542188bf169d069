"""Policies by name."""

from personalagent.errors import SettingError
from personalagent.policies.embedded import EmbeddedPolicy
from personalagent.policies.policy import Policy
from personalagent.policies.rules import RulePolicy

POLICIES: dict[str, type[EmbeddedPolicy] | type[RulePolicy]] = {
    "embedded": EmbeddedPolicy,
    "rules": RulePolicy,
}
DEFAULT = "embedded"


def policy_named(name: str = DEFAULT) -> Policy:
    """The policy of this name; raises `SettingError`, which lists the names, if there is none."""
    if name not in POLICIES:
        raise SettingError(f"policy must be one of {', '.join(POLICIES)}, not {name!r}")
    return POLICIES[name]()
