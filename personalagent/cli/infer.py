"""`personalagent infer`: one inference per line of standard input."""

import json
import sys
from datetime import UTC, datetime

import typer
from pydantic import BaseModel, ConfigDict, ValidationError

from personalagent.cli.common import (
    PolicyOption,
    TemplateOption,
    UrlOption,
    context_from,
    policy_from,
    run,
    template_from,
)
from personalagent.dialogue import Turn, clean
from personalagent.policies.policy import Failure, Policy, read_turn
from personalagent.profile.profile import Profile
from personalagent.profile.template import Template


class Line(BaseModel):
    """One line of input: what the user said, and the reply it answers."""

    model_config = ConfigDict(extra="forbid", strict=True)

    user: str
    replying_to: str = ""


def infer(template: TemplateOption = None, policy: PolicyOption = "", base_url: UrlOption = "") -> None:
    """Read JSON lines {"user": "...", "replying_to": "..."}, write one inference as JSON per line.

    The profile is empty for every line. A bad line gives {"error": ..., "line": N}.
    """
    whole, chosen = template_from(template), policy_from(context_from(policy, base_url))

    async def work() -> None:
        for number, line in enumerate(sys.stdin, start=1):
            if line.strip():
                typer.echo(await inferred(line, number, whole, chosen))

    run(work())


async def inferred(line: str, number: int, template: Template, policy: Policy) -> str:
    """The inference from one line, or an error object, as JSON without a line break."""
    try:
        said = Line.model_validate_json(line)
    except ValidationError as error:
        return _error(f"{_where(error)}{error.errors()[0]['msg']}", number)
    turn = Turn(
        user="stdin",
        session="stdin",
        index=number,
        text=clean(said.user),
        replying_to=clean(said.replying_to),
        at=datetime.now(UTC),
    )
    read = await read_turn(policy, turn, Profile(), template)
    if isinstance(read, Failure):
        return _error(f"{read.kind}: {read.detail}", number)
    shown = read.inference.model_dump(mode="json")
    shown["rejections"] = [rejection.model_dump(mode="json") for rejection in read.rejections]
    return json.dumps(shown, ensure_ascii=False)


def _where(error: ValidationError) -> str:
    where = ".".join(str(part) for part in error.errors()[0]["loc"])
    return f"{where}: " if where else ""


def _error(message: str, number: int) -> str:
    return json.dumps({"error": message, "line": number}, ensure_ascii=False)
