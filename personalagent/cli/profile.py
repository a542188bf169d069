"""`personalagent profile ...`: look at, correct, move and erase what is known of a user."""

import difflib
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError
from rich.table import Table

from personalagent.cli.common import (
    BackendOption,
    IndexOption,
    JsonOption,
    TemplateOption,
    UserOption,
    backend_url,
    console,
    errors,
    escaped,
    fail,
    run,
    template_from,
)
from personalagent.errors import ArchiveError, SettingError
from personalagent.profile.history import HELD, Held
from personalagent.profile.log import edit_entry
from personalagent.profile.preference import Preference, describe
from personalagent.profile.profile import Profile, confidence
from personalagent.profile.template import Template
from personalagent.stores.backends import open_backend
from personalagent.stores.profiles import Pending

app = typer.Typer(help="Look at, correct, move and erase what is known of a user.", no_args_is_help=True)

SlotArgument = Annotated[str, typer.Argument(help="Slot id, such as consumption.diet.restriction.")]


@app.command()
def show(
    user: UserOption,
    as_json: JsonOption = False,
    backend: BackendOption = "",
    template: TemplateOption = None,
) -> None:
    """The current values, and the turns still to be read."""

    async def work() -> None:
        async with open_backend(backend_url(backend)) as opened:
            profile = await opened.profiles.profile(user)
            pending = await opened.profiles.pending(user)
        if as_json:
            waiting = [
                {"turn": p.turn.key, "text": p.turn.text, "attempts": p.attempts, **p.failure.model_dump()}
                for p in pending
            ]
            typer.echo(json.dumps({"profile": profile.values(), "pending": waiting}, ensure_ascii=False))
            return
        _print_profile(user, profile, template_from(template))
        if pending:
            console.print(f"\n{len(pending)} still to be read; `personalagent retry` tries them now:")
            console.print(_pending_table(pending))

    run(work())


@app.command()
def why(
    user: UserOption, slot: SlotArgument, as_json: JsonOption = False, backend: BackendOption = ""
) -> None:
    """Everything ever held in a slot, with the user's own words and the time for which it held."""

    async def work() -> None:
        async with open_backend(backend_url(backend)) as opened:
            history = (await opened.profiles.profile(user)).why(slot)
        if as_json:
            typer.echo(HELD.dump_json(history).decode())
        elif not history:
            console.print(f"Nothing was ever known of {escaped(user)} in {escaped(slot)}.")
        for held in [] if as_json else history:
            console.print(_told(held))

    run(work())


@app.command()
def at(
    user: UserOption,
    time: Annotated[str, typer.Argument(help="ISO time or date, such as 2026-11-21 or 2026-11-21T14:00.")],
    as_json: JsonOption = False,
    backend: BackendOption = "",
    template: TemplateOption = None,
) -> None:
    """The profile as it was at a time."""

    async def work() -> None:
        when = _time(time)
        async with open_backend(backend_url(backend)) as opened:
            profile = await opened.profiles.profile_at(user, when)
        if as_json:
            typer.echo(json.dumps({"profile": profile.values()}, ensure_ascii=False))
        else:
            _print_profile(user, profile, template_from(template))

    run(work())


@app.command()
def undo(
    user: UserOption,
    turn: Annotated[str, typer.Argument(help="Key of the turn, as `why` shows it.")],
    backend: BackendOption = "",
) -> None:
    """Take back everything that came from one turn."""

    async def work() -> None:
        async with open_backend(backend_url(backend)) as opened:
            await opened.profiles.undo(user, turn)
        console.print(f"What came from turn {escaped(turn)} no longer counts.")

    run(work())


@app.command()
def pin(
    user: UserOption,
    slot: SlotArgument,
    value: Annotated[str, typer.Argument(help="The value.")],
    polarity: Annotated[str, typer.Option(help="neutral, like, dislike or avoid.")] = "neutral",
    scope: Annotated[str | None, typer.Option(help='When it applies, such as "on workdays".')] = None,
    remove: Annotated[bool, typer.Option("--remove", help="Remove the value instead.")] = False,
    backend: BackendOption = "",
    template: TemplateOption = None,
) -> None:
    """Set a value by hand: it outranks everything that was or will be inferred."""
    known = template_from(template)
    if (found := known.slot(slot)) is None:
        close = difflib.get_close_matches(slot, known.slots, n=3, cutoff=0.5)
        fail(f"unknown slot {slot!r}" + (f"; did you mean {', '.join(close)}?" if close else ""))
    try:
        preference = Preference.model_validate(
            {"slot": slot, "value": value, "polarity": polarity, "scope": scope, "kind": found.kind}
            | {"confidence": 1.0}
        )
    except ValidationError as error:
        first = error.errors()[0]
        fail(f"{first['loc'][0]}: {first['msg']}")

    async def work() -> None:
        entry = edit_entry("remove" if remove else "pin", preference, datetime.now(UTC))
        async with open_backend(backend_url(backend)) as opened:
            await opened.profiles.append(user, [entry])
        console.print(
            f"{'removed' if remove else 'pinned'}: {escaped(slot)} = {escaped(describe(preference))}"
        )

    run(work())


@app.command()
def export(
    user: UserOption,
    file: Annotated[Path | None, typer.Argument(help="Where to; standard output if left out.")] = None,
    backend: BackendOption = "",
) -> None:
    """Write everything stored about a user as JSON."""

    async def work() -> None:
        async with open_backend(backend_url(backend)) as opened:
            archive = await opened.profiles.export(user)
        text = archive.model_dump_json(indent=1)
        if file is None:
            typer.echo(text)
        else:
            file.write_text(text + "\n", encoding="utf-8")
            errors.print(f"{len(archive.entries)} entries written to {escaped(str(file))}")

    run(work())


@app.command("import")
def import_(
    user: UserOption,
    file: Annotated[Path, typer.Argument(help="A file that `export` wrote.")],
    backend: BackendOption = "",
) -> None:
    """Add an exported profile; what is there already stays as it is."""

    async def work() -> None:
        try:
            archive = json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise ArchiveError(f"{file}: cannot be read: {error}") from error
        async with open_backend(backend_url(backend)) as opened:
            count = await opened.profiles.import_(user, archive)
        console.print(f"{count} new entries.")

    run(work())


@app.command()
def erase(
    user: UserOption,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    backend: BackendOption = "",
    index: IndexOption = "",
) -> None:
    """Delete everything about a user: log, profile, pending turns, index, the checkpoints of her threads."""
    if not yes:
        typer.confirm(f"Erase everything about {user}? This cannot be undone.", abort=True)

    async def work() -> None:
        async with open_backend(backend_url(backend), index) as opened:
            count = await opened.erase(user)
        console.print(f"{count} items erased.")

    run(work())


def _print_profile(user: str, profile: Profile, template: Template) -> None:
    if not profile.current:
        console.print(f"Nothing is known of {escaped(user)}.")
        return
    console.print(profile_table(profile, template))


def profile_table(profile: Profile, template: Template) -> Table:
    """The current values as a table, by category."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("slot", "value", "sure", "since"):
        table.add_column(column, overflow="fold")
    for slot, current in profile.current.items():
        retired = "" if template.slot(slot) else " (retired)"
        for held in current:
            sure = "pinned" if held.pinned else f"{confidence(held, template):.0%}"
            value = escaped(describe(held.preference))
            table.add_row(slot + retired, value, sure, f"{held.since:%Y-%m-%d}")
    return table


def _pending_table(pending: Sequence[Pending]) -> Table:
    """The turns that wait, and why."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("said", "message", "tried", "because"):
        table.add_column(column, overflow="fold")
    for one in pending:
        start = one.turn.text[:60] + ("…" if len(one.turn.text) > 60 else "")
        why = f"{one.failure.kind}: {one.failure.detail}"
        table.add_row(f"{one.turn.at:%Y-%m-%d %H:%M}", escaped(start), str(one.attempts), escaped(why))
    return table


def _told(held: Held) -> str:
    until = f"{held.until:%Y-%m-%d %H:%M}" if held.until else "now"
    head = (
        f"{escaped(describe(held.preference))}  [dim]{held.since:%Y-%m-%d %H:%M} to {until}, {held.status}[/]"
    )
    pairs = zip(held.turns, held.evidence, strict=False)
    said = [f'\n  "{escaped(evidence.quote)}"  [dim]turn {turn}[/]' for turn, evidence in pairs]
    return head + ("".join(said) or "\n  [dim]set by hand[/]")


def _time(text: str) -> datetime:
    try:
        when = datetime.fromisoformat(text)
    except ValueError as error:
        raise SettingError(f"{text!r} is not an ISO time such as 2026-11-21T14:00") from error
    return when if when.tzinfo else when.astimezone()
