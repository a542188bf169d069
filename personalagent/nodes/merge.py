"""inferences -> log -> profile: code merges, models only propose."""

from typing import Any

from langgraph.runtime import Runtime

from personalagent.graph.context import Context, profiles_of, user_of
from personalagent.graph.state import State
from personalagent.profile.evidence import Rejection
from personalagent.profile.log import ENTRY, TurnEntry
from personalagent.profile.preference import describe
from personalagent.profile.profile import Profile


async def merge_entries(state: State, runtime: Runtime[Context]) -> dict[str, Any]:
    """Append what was read to the log, say what was stored and what rejected, and fold the profile."""
    user, profiles = user_of(runtime), profiles_of(runtime)
    entries = [ENTRY.validate_python(entry) for entry in state.get("entries") or []]
    new = await profiles.append(user, entries)
    read = [entry for entry in entries if isinstance(entry, TurnEntry)]
    rejections = [rejection for entry in read for rejection in entry.rejections]
    profile = await profiles.profile(user)
    events = [rejected_event(rejection) for rejection in rejections]
    events += [unread_event(entry) for entry in read if entry.inference.unread]
    events += [e for entry in new if isinstance(entry, TurnEntry) for e in stored_events(entry, profile)]
    for event in events:
        runtime.stream_writer(event)
    own = next((entry for entry in read if entry.key == state.get("turn")), None)
    shown = [rejection.model_dump(mode="json") for rejection in rejections]
    return {
        "entries": [],
        "profile": profile.values(),
        "inference": own.inference.model_dump(mode="json") if own else {},
        "rejections": [*(state.get("rejections") or []), *shown],
    }


def rejected_event(rejection: Rejection) -> dict[str, Any]:
    """The event for a proposed preference that was not accepted."""
    preference = rejection.operation.preference
    return {
        "event": "rejected",
        "slot": preference.slot,
        "value": describe(preference),
        "reason": rejection.reason,
    }


def unread_event(entry: TurnEntry) -> dict[str, Any]:
    """The event for a turn that the policy could not read, and why."""
    return {"event": "unread", "reason": entry.inference.unread, "turn": entry.key}


def stored_events(entry: TurnEntry, profile: Profile) -> list[dict[str, Any]]:
    """One event for each preference that an entry asserts or retracts, and what it replaced."""
    return [
        {
            "event": "stored" if op.action == "assert" else "retracted",
            "slot": op.preference.slot,
            "value": describe(op.preference),
            "replaced": [
                describe(held.preference)
                for held in profile.why(op.preference.slot)
                if held.status == "superseded" and held.until == entry.at
            ],
            "quote": op.evidence.quote,
            "turn": entry.key,
        }
        for op in entry.inference.operations
    ]
