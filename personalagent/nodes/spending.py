"""What a run's language models cost so far, for the state."""

from typing import Literal

from personalagent.graph.state import Json, State
from personalagent.policies.metering import Meter, Usage

Who = Literal["policy", "reply"]


def spent(state: State, who: Who, meter: Meter) -> dict[str, Json]:
    """The run's usage with what the meter counted added; what used no model is left out."""
    before = state.get("usage") or {}
    if not meter.usage.calls:
        return before
    total = Usage.model_validate(before.get(who) or {}) + meter.usage
    return {**before, who: total.model_dump()}
