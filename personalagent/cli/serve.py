"""`personalagent serve MODEL`: serve a language model, and adapters of it, with vLLM."""

import errno
import os
import shlex
import shutil
import signal
import socket
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Annotated

import httpx
import typer

from personalagent.cli.common import errors, escaped, fail
from personalagent.errors import PersonalAgentError, ServingError, SettingError
from personalagent.serving.process import POLL, Server, running
from personalagent.serving.vllm import (
    COMMAND,
    KEY,
    Adapter,
    Served,
    additions,
    default_name,
    for_a_shell,
    lacking,
    model_given,
)

REQUEST_SECONDS = 2
STOPS = (signal.SIGINT, signal.SIGTERM)

ModelArgument = Annotated[
    str, typer.Argument(metavar="MODEL", help="Its name on the Hugging Face Hub, or its folder.")
]
FurtherArgument = Annotated[
    list[str] | None,
    typer.Argument(metavar="[-- OPTIONS]", help="Passed on to vLLM as they are.", show_default=False),
]
NameOption = Annotated[
    str,
    typer.Option(
        metavar="NAME", help="What it is asked for by; default: the last part of MODEL.", show_default=False
    ),
]
HostOption = Annotated[str, typer.Option(metavar="HOST", help="Where to listen.")]
PortOption = Annotated[int, typer.Option(metavar="PORT", min=1, max=65535, help="Where to listen.")]
LoraOption = Annotated[
    list[str] | None,
    typer.Option("--lora", metavar="NAME=DIR", help="A LoRA adapter of MODEL and its name; may be repeated."),
]
PrintOption = Annotated[bool, typer.Option("--print", help="Print the command, and run nothing.")]
CommandOption = Annotated[
    str,
    typer.Option(
        metavar="COMMAND",
        envvar="PERSONALAGENT_VLLM",
        help="What starts vLLM, up to MODEL; 'DIR/bin/vllm serve' for one in another environment.",
    ),
]
ReadyOption = Annotated[
    float, typer.Option(metavar="SECONDS", min=0, help="Time to load MODEL, its download included.")
]


def serve(
    model: ModelArgument,
    further: FurtherArgument = None,
    name: NameOption = "",
    host: HostOption = "127.0.0.1",
    port: PortOption = 8000,
    lora: LoraOption = None,
    printed: PrintOption = False,
    command: CommandOption = COMMAND,
    ready_seconds: ReadyOption = 600,
) -> None:
    """Serve a language model with vLLM until Ctrl-C, to be used by --policy vllm:NAME.

    vLLM needs Linux and a GPU, and is not installed with this; see docs/serving.md. Its log goes to stderr.

    Where PERSONALAGENT_POLICY_KEY is set, it is asked for in requests. Usage statistics are off.
    """
    try:
        given = model_given(model)
        adapters = tuple(Adapter.parse(one) for one in lora or ())
        served = Served(given, name or default_name(given), host, port, adapters, tuple(further or ()))
        start, added = _words(command), additions(os.environ)
        if printed:
            typer.echo(for_a_shell(served.command(start), added))
            return
        code = _run(served, _found(start), added, ready_seconds)
    except PersonalAgentError as error:
        fail(str(error))
    raise typer.Exit(code)


def _words(command: str) -> list[str]:
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise SettingError(f"--command {command!r}: {error}") from error
    if not words:
        raise SettingError("--command is empty")
    return words


def _found(start: Sequence[str]) -> list[str]:
    """The command with its program's path: of this environment first, which need not be activated."""
    places = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    program = shutil.which(start[0], path=places)
    if program is None:
        raise SettingError(
            f"there is no command {start[0]!r}: vLLM is not installed here. Get it by pip install "
            '"personalagent[serve]" (Linux, GPU), or name one in another environment by --command; '
            "see docs/serving.md"
        )
    return [program, *start[1:]]


def _run(served: Served, start: Sequence[str], added: Mapping[str, str], ready_seconds: float) -> int:
    """Serve until told to stop; returns the exit code, raises `SettingError` or `ServingError`."""
    _check_port(served.host, served.port)
    command, key = served.command(start), added.get("VLLM_API_KEY") or os.environ.get("VLLM_API_KEY", "")
    errors.print(f"[dim]{escaped(for_a_shell(command, added))}[/]", soft_wrap=True)
    with (
        _stops() as stops,
        running(command, {**os.environ, **added}, sys.stderr.buffer, lambda: len(stops) > 1) as server,
    ):
        ready = _ready(server, served, key, ready_seconds, stops)
        if ready:
            typer.echo(_how_to_use(served, bool(key)))
        while not stops:
            _check(server, stops, "")
            time.sleep(POLL)
        errors.print("[dim]ending vLLM; a second Ctrl-C kills it[/]")
    return 0 if ready else 128 + stops[0]


def _check_port(host: str, port: int) -> None:
    """Raises `SettingError` if nothing can listen there."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        socket.create_server((host, port), family=family).close()
    except OSError as error:
        why = "it is in use already" if error.errno == errno.EADDRINUSE else error.strerror
        raise SettingError(
            f"cannot listen at port {port} of {host}: {why}; --port chooses another"
        ) from error


@contextmanager
def _stops() -> Iterator[list[int]]:
    """The signals to stop that have come in; they do nothing else while the context is open."""
    came: list[int] = []

    def note(number: int, _: FrameType | None) -> None:
        came.append(number)

    before = {number: signal.signal(number, note) for number in STOPS}
    try:
        yield came
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _ready(server: Server, served: Served, key: str, seconds: float, stops: Sequence[int]) -> bool:
    """Whether all names came to be served before a stop; raises `ServingError` if that takes too long."""
    headers = {"authorization": f"Bearer {key}"} if key else {}
    deadline = time.monotonic() + seconds
    with httpx.Client(
        base_url=served.origin, headers=headers, timeout=REQUEST_SECONDS, trust_env=False
    ) as client:
        while not stops and (lack := lacking(client, served.names)):
            _check(server, stops, "before it was ready ")
            if time.monotonic() > deadline:
                raise ServingError(f"vLLM is not ready after {seconds:g} s (--ready-seconds): {lack}")
            time.sleep(POLL)
    return not stops


def _check(server: Server, stops: Sequence[int], when: str) -> None:
    """Raises `ServingError`, with the log's last lines, if the server has ended and was not told to."""
    if server.ended and not stops:
        raise ServingError(f"vLLM ended {when}({server.ended}): {server.last_words()}")


def _how_to_use(served: Served, keyed: bool) -> str:
    """What to do now that it is ready, for the first adapter where there is one."""
    name, url = served.adapters[0].name if served.adapters else served.name, f"{served.origin}/v1"
    lines = [
        "",
        f"ready    {url}",
        f"serves   {', '.join(served.names)}",
        f"use it   personalagent chat --user YOU --policy {shlex.quote(f'vllm:{name}')} --base-url {url}",
    ]
    if keyed:
        lines.append(f"key      asked for: set {KEY} where you use it, too")
    return "\n".join([*lines, "end it   Ctrl-C", ""])
