"""`personalagent chat`: talk with the agent in the terminal."""

from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Annotated, Any
from uuid import uuid4

import typer

from personalagent.cli.common import (
    BackendOption,
    IndexOption,
    PolicyOption,
    TemplateOption,
    UserOption,
    backend_url,
    console,
    errors,
    escaped,
    run,
    template_from,
)
from personalagent.cli.session import Conversation
from personalagent.graph.agent import create_personal_agent
from personalagent.graph.context import Context
from personalagent.policies.choose import DEFAULT, policy_named
from personalagent.stores.backends import Backend, open_backend

ModelOption = Annotated[
    str, typer.Option("--model", help="Response model, provider:name, such as openai:gpt-4.1-mini.")
]
ThreadOption = Annotated[str, typer.Option("--thread", help="Go on with this conversation.")]


def chat(
    user: UserOption,
    backend: BackendOption = "",
    model: ModelOption = "",
    thread: ThreadOption = "",
    template: TemplateOption = None,
    policy: PolicyOption = DEFAULT,
    index: IndexOption = "memory:",
) -> None:
    """Talk with the agent; what it learns is shown as it learns it. Ends with Ctrl-D or /quit."""
    opening = open_backend(backend_url(backend), index)
    run(_chat(user, model, thread or uuid4().hex, opening, policy, template))


async def _chat(
    user: str,
    model: str,
    thread: str,
    backend: AbstractAsyncContextManager[Backend],
    policy: str,
    template: Path | None,
) -> None:
    chosen = policy_named(policy)
    explicit: dict[str, Any] = {"user_id": user, **({"model": model} if model else {})}
    context = Context.from_env(**explicit)
    async with backend as opened:
        agent = create_personal_agent(
            policy=chosen,
            index=opened.index,
            store=opened.store,
            checkpointer=opened.checkpointer,
            template=template_from(template),
        )
        talk = Conversation(agent, context, thread)
        replies = context.model or "no chat model: plain briefs"
        console.print(f"[dim]{escaped(user)}, thread {escaped(thread)}, {escaped(replies)}. /quit ends.[/]")
        if question := await talk.open_question():
            console.print(f"[bold cyan]?[/] {escaped(question)}")
        while (text := _prompt()) is not None:
            if text:
                await _turn(talk, text)


def _prompt() -> str | None:
    try:
        text = console.input("[bold]you> [/]").strip()
    except EOFError:
        console.print()
        return None
    return None if text in ("/quit", "/exit") else text


async def _turn(talk: Conversation, text: str) -> None:
    try:
        async for event in talk.say(text):
            if event.kind == "node" and event.data:
                show_event(event.data)
            elif event.kind == "question":
                console.print(f"[bold cyan]?[/] {escaped(event.text)}")
            elif event.kind == "token":
                console.print(escaped(event.text), end="")
            else:
                console.print(escaped(event.text))
    except KeyboardInterrupt:
        errors.print("[dim]stopped; the turn is kept[/]")


def show_event(data: dict[str, Any]) -> None:
    """One line for something that a node did."""
    slot, value = escaped(str(data.get("slot", ""))), escaped(str(data.get("value", "")))
    replaced = escaped(", ".join(data.get("replaced") or []))
    was = f"  [dim](was {replaced})[/]" if replaced else ""
    lines = {
        "stored": f"  [green]+[/] {slot} = {value}{was}",
        "retracted": f"  [yellow]-[/] {slot} = {value}",
        "rejected": f"  [red]x[/] {slot} = {value} [dim]({data.get('reason')})[/]",
        "pending": f"  [red]![/] not read yet: {escaped(str(data.get('detail')))}",
        "unread": "  [dim]· not read: not in English[/]",
        "ignored": f"  [dim]· {escaped(str(data.get('reason')))}[/]",
        "response failed": f"  [red]![/] {escaped(str(data.get('response')))}",
    }
    console.print(lines.get(str(data.get("event")), ""))
