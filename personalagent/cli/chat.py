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
    UrlOption,
    UserOption,
    backend_url,
    console,
    context_from,
    errors,
    escaped,
    keys_from,
    policy_from,
    run,
    template_from,
)
from personalagent.cli.session import Conversation
from personalagent.graph.agent import create_personal_agent
from personalagent.graph.context import Context
from personalagent.policies.choose import DEFAULT
from personalagent.policies.metering import Usage
from personalagent.stores.backends import Backend, open_backend

ModelOption = Annotated[
    str,
    typer.Option(
        "--model",
        help="Response model, provider:name, such as openai:gpt-4.1-mini; default: PERSONALAGENT_MODEL.",
    ),
]
ThreadOption = Annotated[str, typer.Option("--thread", help="Go on with this conversation.")]


def chat(
    user: UserOption,
    backend: BackendOption = "",
    model: ModelOption = "",
    thread: ThreadOption = "",
    template: TemplateOption = None,
    policy: PolicyOption = "",
    base_url: UrlOption = "",
    index: IndexOption = "memory:",
) -> None:
    """Talk with the agent; what it learns is shown as it learns it. Ends with Ctrl-D or /quit."""
    opening = open_backend(backend_url(backend), index)
    context = context_from(policy, base_url, model, user_id=user)
    run(_chat(context, thread or uuid4().hex, opening, template))


async def _chat(
    context: Context, thread: str, backend: AbstractAsyncContextManager[Backend], template: Path | None
) -> None:
    async with backend as opened:
        agent = create_personal_agent(
            policy=policy_from(context),
            keys=keys_from(context),
            index=opened.index,
            store=opened.store,
            checkpointer=opened.checkpointer,
            template=template_from(template),
        )
        talk = Conversation(agent, context, thread)
        replies = f"replies by {context.model}" if context.model else "no chat model: plain briefs"
        reads = f"read by {context.policy or DEFAULT}"
        line = f"{context.user_id}, thread {thread}, {reads}, {replies}. /quit ends."
        console.print(f"[dim]{escaped(line)}[/]")
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
    streamed = False
    try:
        async for event in talk.say(text):
            if streamed and event.kind != "token":
                console.print()
            streamed = event.kind == "token"
            if event.kind == "node" and event.data:
                show_event(event.data)
            elif event.kind == "question":
                console.print(f"[bold cyan]?[/] {escaped(event.text)}")
            elif event.kind == "token":
                console.print(escaped(event.text), end="")
            elif event.text:
                console.print(escaped(event.text))
    except KeyboardInterrupt:
        errors.print("[dim]stopped; the turn is kept[/]")
        return
    for who, used in ((await talk.state()).get("usage") or {}).items():
        console.print(f"  [dim]· {who}: {Usage.model_validate(used).line()}[/]")


UNREAD = {"language": "not read: not in English", "length": "read in part: too long a message"}


def show_event(data: dict[str, Any]) -> None:
    """One line for something that a node did."""
    slot, value = escaped(str(data.get("slot", ""))), escaped(str(data.get("value", "")))
    replaced = escaped(", ".join(data.get("replaced") or []))
    was = f"  [dim](was {replaced})[/]" if replaced else ""
    lines = {
        "stored": f"  [green]+[/] {slot} = {value}{was}",
        "retracted": f"  [yellow]-[/] {slot} = {value}",
        "rejected": f"  [red]x[/] {slot} = {value} [dim]({data.get('reason')})[/]",
        "pending": f"  [red]![/] not read yet, but kept: {escaped(str(data.get('detail')))}",
        "unread": f"  [dim]· {UNREAD.get(str(data.get('reason')), 'not read')}[/]",
        "withheld": f"  [dim]· {slot} is kept out of a text that others read[/]",
        "ignored": f"  [dim]· {escaped(str(data.get('reason')))}[/]",
        "response failed": f"  [red]![/] no reply by the chat model: {escaped(str(data.get('detail')))}",
    }
    console.print(lines.get(str(data.get("event")), ""))
