"""The command line."""

import typer

from personalagent.cli import profile, train
from personalagent.cli.chat import chat
from personalagent.cli.demo import demo
from personalagent.cli.evaluate import evaluate
from personalagent.cli.infer import infer
from personalagent.cli.ingest import ingest
from personalagent.cli.retry import retry
from personalagent.cli.serve import serve

app = typer.Typer(
    name="personalagent",
    help="An agent that learns who a user is turn by turn, asks when it must, and answers to fit.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command()(demo)
app.command()(chat)
app.command()(ingest)
app.command()(retry)
app.command()(infer)
app.command("eval")(evaluate)
app.command()(serve)
app.add_typer(profile.app, name="profile")
app.add_typer(train.app, name="train")


def main() -> None:
    """Entry point of the console script."""
    app()
