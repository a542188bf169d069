"""Policies by name."""

from functools import lru_cache

from pydantic import SecretStr

from personalagent.errors import SettingError
from personalagent.policies.chat import REPLY_TOKENS, SECONDS, ChatPolicy
from personalagent.policies.clients import Keys, ModelAddress, address_of
from personalagent.policies.embedded import EmbeddedPolicy
from personalagent.policies.policy import Policy
from personalagent.policies.rules import RulePolicy

POLICIES: dict[str, type[EmbeddedPolicy] | type[RulePolicy]] = {
    "embedded": EmbeddedPolicy,
    "rules": RulePolicy,
}
DEFAULT = "embedded"
GUIDED = "vllm"
"""The provider whose server takes a grammar."""
NAMES = f"{', '.join(POLICIES)}, {GUIDED}:NAME or PROVIDER:NAME, such as openai:gpt-4.1-mini"


def policy_named(
    name: str = DEFAULT, *, url: str = "", keys: Keys | None = None, seconds: float = SECONDS
) -> Policy:
    """The policy of this name; a chat model, ``provider:name``, at `url`, with at most `seconds` for a call.

    The same arguments give the same policy. Raises `SettingError`, which lists the names, if there is none.
    """
    check_policy(name)
    return _named(name, url, keys.of(address_of(name, url)) if keys else None, seconds)


def check_policy(name: str) -> None:
    """Raises `SettingError`, which lists the names, if no policy can have this one."""
    provider, colon, model = name.partition(":")
    if name not in POLICIES and not (provider and colon and model):
        raise SettingError(f"policy must be one of {NAMES}; not {name!r}")


@lru_cache(maxsize=32)
def _named(name: str, url: str, key: SecretStr | None, seconds: float) -> Policy:
    if name in POLICIES:
        return POLICIES[name]()
    address = ModelAddress(name, url, key, temperature=0, max_tokens=REPLY_TOKENS)
    return ChatPolicy(address, grammar=address.provider == GUIDED, seconds=seconds)
