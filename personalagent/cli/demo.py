"""`personalagent demo`: watch the agent learn a person from a real dialogue, ask, and answer."""

import json
from collections.abc import Sequence
from importlib import resources
from typing import Any

from langchain_core.messages import AIMessage, AnyMessage, HumanMessage
from rich.padding import Padding

from personalagent.cli.chat import show_event
from personalagent.cli.common import console, escaped, run
from personalagent.cli.profile import profile_table
from personalagent.cli.session import Conversation, Event
from personalagent.graph.agent import PersonalAgent, create_personal_agent
from personalagent.graph.context import Context
from personalagent.profile.template import load_template
from personalagent.stores.backends import open_backend


def demo() -> None:
    """Replay a short dialogue over two sessions, offline: learning, an update, a question, an answer."""
    run(_demo())


async def _demo() -> None:
    story = json.loads((resources.files("personalagent.corpora") / "data" / "demo.json").read_text("utf-8"))
    user = str(story["user"])
    console.print("PersonalAgent reads two conversations of one person. No network, no key, no model server.")
    console.print("[dim]+ stored   - retracted   x rejected: no evidence in her own words[/]")
    async with open_backend("memory:") as backend:
        agent = create_personal_agent(store=backend.store, checkpointer=backend.checkpointer)
        for session in story["sessions"]:
            console.print(f"\n[bold]── {escaped(session['id'])} ──[/]")
            before: list[AnyMessage] = []
            for message in session["messages"]:
                if message["role"] == "assistant":
                    console.print(f"[blue]agent[/]  [dim]{escaped(message['content'])}[/]")
                    before = [AIMessage(message["content"])]
                else:
                    await _message(agent, user, session["id"], message, before)
        console.print(f"\n[bold]── what is now known of {user} ──[/]")
        profile = await backend.profiles.profile(user)
        console.print(Padding(profile_table(profile, load_template()), (0, 0, 0, 2)))
        console.print(
            "\n[dim]Next: personalagent chat --user YOU, then: personalagent profile show --user YOU[/]"
        )


async def _message(
    agent: PersonalAgent, user: str, session: str, message: dict[str, Any], before: list[AnyMessage]
) -> None:
    """One message of hers: history is read, and its reply is in the story; the request is answered live."""
    live = bool(message.get("request"))
    console.print(f"[bold]{user}[/]   {escaped(message['content'])}")
    talk = Conversation(agent, Context(user_id=user, ask="interrupt" if live else "never"), session)
    learnt = await _show(talk, [*before, HumanMessage(message["content"])], live)
    if not learnt and not live:
        console.print("  [dim]· nothing lasting about her[/]")
    if await talk.open_question() is not None:
        console.print(f"[bold]{user}[/]   {escaped(message['answer'])}")
        await _show(talk, [HumanMessage(message["answer"])], live)


async def _show(talk: Conversation, messages: Sequence[AnyMessage], live: bool) -> int:
    """Print what happens; returns how many values were stored, retracted or rejected."""
    count = 0
    async for event in talk.give(messages):
        if event.kind == "node" and event.data:
            count += 1
            show_event(event.data)
        elif live and event.kind in ("question", "reply"):
            _show_live(event, await talk.state())
    return count


def _show_live(event: Event, state: dict[str, Any]) -> None:
    found = state.get("sufficiency") or {}
    if event.kind == "question":
        needs = ", ".join(need["slot"] for need in found.get("needs", [])[:4])
        console.print(f"  [dim]needs {needs} …; known: {', '.join(found.get('known', [])) or 'none'}[/]")
        console.print(f"[blue]agent[/]  [cyan]{escaped(event.text)}[/]")
    else:
        console.print(f"[blue]agent[/]  {escaped(event.text)}")
