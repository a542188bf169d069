from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from personalagent.cli import app

Cli = Callable[..., Result]


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    """Runs a command on a database of the test's own."""

    def run(*words: str, stdin: str | None = None) -> Result:
        env = {"PERSONALAGENT_BACKEND": f"sqlite:{tmp_path / 'people.db'}", "COLUMNS": "200"}
        return CliRunner().invoke(app, list(words), input=stdin, env=env)

    return run
