"""What all commands share: where the data is, how errors are shown, how values are printed."""

import asyncio
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from platformdirs import user_data_path
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from personalagent.errors import PersonalAgentError
from personalagent.graph.context import Context, keys_from_env
from personalagent.policies.choose import DEFAULT, NAMES, policy_named
from personalagent.policies.clients import Keys
from personalagent.policies.policy import Policy
from personalagent.profile.template import Template, load_template

console = Console(highlight=False, soft_wrap=not sys.stdout.isatty())
errors = Console(stderr=True, highlight=False, soft_wrap=not sys.stderr.isatty())

BackendOption = Annotated[
    str,
    typer.Option(
        "--backend",
        envvar="PERSONALAGENT_BACKEND",
        help="memory:, sqlite:PATH or postgresql://...; default: SQLite in the user's data directory.",
        show_default=False,
    ),
]
IndexOption = Annotated[
    str,
    typer.Option(
        "--index",
        envvar="PERSONALAGENT_INDEX",
        help="Where preferences are indexed: memory:, chroma:FOLDER, chroma+http://HOST:PORT, none:.",
    ),
]
TemplateOption = Annotated[
    Path | None,
    typer.Option("--template", envvar="PERSONALAGENT_TEMPLATE", help="A file that extends the template."),
]
PolicyOption = Annotated[
    str,
    typer.Option(
        "--policy",
        help=f"Who reads: {NAMES}; default: PERSONALAGENT_POLICY, else {DEFAULT}.",
        show_default=False,
    ),
]
UrlOption = Annotated[
    str,
    typer.Option(
        "--base-url", help="Server of the chat models named here, such as http://127.0.0.1:8000/v1."
    ),
]
UserOption = Annotated[str, typer.Option("--user", "-u", help="Whose profile.", show_default=False)]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def backend_url(given: str) -> str:
    """The address of the data: as given, else SQLite under the user's data directory."""
    return given or f"sqlite:{user_data_path('personalagent') / 'people.db'}"


def run(work: Coroutine[Any, Any, int | None]) -> None:
    """Run a command's work; an expected error is one line on stderr and exit code 2."""
    try:
        code = asyncio.run(work)
    except PersonalAgentError as error:
        fail(str(error))
    except KeyboardInterrupt:
        raise typer.Exit(130) from None
    if code:
        raise typer.Exit(code)


def progress() -> Progress:
    """A bar on standard error that is gone when the work is done."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=errors, transient=True)


def fail(message: str) -> NoReturn:
    """Say what is wrong in one line, and end with exit code 2."""
    errors.print(f"[red]error:[/] {escaped(message)}")
    raise typer.Exit(2)


def template_from(path: Path | None) -> Template:
    """The template, extended by the user's file; a bad file ends the command with file and line."""
    try:
        return load_template(path)
    except PersonalAgentError as error:
        fail(str(error))


def context_from(policy: str = "", url: str = "", model: str = "", **explicit: Any) -> Context:
    """The settings: what the command was told, else the environment's; a wrong one ends the command.

    The server that the command names is that of the policy and of the response model, as far as it names
    these, too; of the policy, if it names neither.
    """
    named = {
        "policy": policy,
        "policy_url": url if policy or not model else "",
        "model": model,
        "model_url": url if model else "",
    }
    explicit |= {name: value for name, value in named.items() if value}
    try:
        context = Context.from_env(**explicit)
    except PersonalAgentError as error:
        fail(str(error))
    if url and not model and ":" not in context.policy:
        fail("--base-url goes with a chat model: name it by --policy or --model, such as openai:NAME")
    return context


def policy_from(context: Context) -> Policy:
    """The policy of these settings; a key that belongs nowhere ends the command."""
    name, url = context.policy or DEFAULT, context.policy_url
    return policy_named(name, url=url, keys=keys_from(context), seconds=context.policy_seconds)


def keys_from(context: Context) -> Keys:
    """The environment's keys for these settings; one that belongs nowhere ends the command."""
    try:
        return keys_from_env(context)
    except PersonalAgentError as error:
        fail(str(error))


def escaped(text: str) -> str:
    """Text as rich prints it, without markup or control characters of its own."""
    shown = "".join(c if c.isprintable() or c == "\n" else "�" for c in text)
    return shown.replace("[", "\\[")
