"""What there is in place of a reply where no language model writes one. It never pretends to be one."""

from collections.abc import Sequence

from personalagent.graph.state import State
from personalagent.profile.history import Held
from personalagent.profile.preference import Inference, describe
from personalagent.profile.sufficiency import Sufficiency, doubtful
from personalagent.profile.template import Template

NO_MODEL = "No chat model is configured"


def brief(
    request: str, held: Sequence[Held], sufficiency: Sufficiency, template: Template, why: str = NO_MODEL
) -> str:
    """What a reply would be made of: request, preferences that apply, their sources, what is not known."""
    lines = [f"{why}, so this is a brief, not an answer.", f"Request: {_short(request)}"]
    lines += ["Answer it with these in mind:"] if held else []
    for one in held:
        slot = template.slot(one.preference.slot)
        source = f'you said "{_short(one.evidence[-1].quote)}"' if one.evidence else "set by you"
        about = slot.name if slot else one.preference.slot
        doubt = ", but I am not sure of it" if doubtful(one) else ""
        lines.append(f"- {about}: {describe(one.preference)} ({source}{doubt})")
    if not held and sufficiency.needs:
        lines.append("Nothing is known yet of what it depends on.")
    if not held and not sufficiency.needs:
        lines.append("It depends on none of your preferences.")
    missing = [
        template.slots[slot].name.lower() for slot in sufficiency.missing[:3] if slot in template.slots
    ]
    lines += [f"Not known: {', '.join(missing)}."] if missing else []
    return "\n".join(lines)


def noted(state: State) -> str:
    """What a turn without a request is answered with: what was taken from it; empty if it is a request."""
    inference = Inference.model_validate(state.get("inference") or {})
    if (state.get("sufficiency") or {}).get("needs") or not inference.operations:
        return ""
    told = [describe(op.preference) for op in inference.operations if op.action == "assert"]
    gone = [f"no longer {op.preference.value}" for op in inference.operations if op.action == "retract"]
    return f"Noted: {'; '.join((*told, *gone))}. (No chat model is configured.)"


def _short(text: str, limit: int = 200) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= limit else flat[: limit - 1] + "…"
