"""demo, chat and infer."""

import json
import os
from pathlib import Path

import pytest
from typer.testing import CliRunner

from personalagent.cli import app
from tests.cli.conftest import Cli
from tests.make import CITY, DIET


def test_the_demo_learns_updates_asks_and_answers(cli: Cli) -> None:
    result = cli("demo")
    assert result.exit_code == 0
    story = result.stdout
    learnt, asked = (
        story.index("+ consumption.diet.restriction = vegetarian"),
        story.index("needs interests.books"),
    )
    updated = story.index("(was ")
    answered = story.index("Answer it with these in mind:")
    known = story.index("what is now known")
    assert learnt < updated < asked < answered < known
    assert "karaoke" not in story[known:], "a friend's taste is not hers"
    assert story.count("nothing lasting") >= 1
    assert "x " not in [line.strip()[:2] for line in story.splitlines()]


def test_the_demo_leaves_nothing_behind(cli: Cli, tmp_path: Path) -> None:
    cli("demo")
    assert list(tmp_path.iterdir()) == []


def test_chat_shows_what_it_learns_asks_and_uses_the_answer(cli: Cli) -> None:
    lines = ["I live in Leeds", "what should I read on holiday?", "cosy crime", "/quit", "never read"]
    result = cli("chat", "--user", "ada", stdin="\n".join(lines))
    assert result.exit_code == 0
    assert f"+ {CITY} = Leeds" in result.stdout
    assert "? What kinds of books do you most enjoy?" in result.stdout
    assert "Book genre: " in result.stdout
    assert "never read" not in result.stdout


def test_a_conversation_goes_on_with_its_open_question(cli: Cli) -> None:
    cli("chat", "-u", "ada", "--thread", "t", stdin="what should I read on holiday?\n")
    result = cli("chat", "-u", "ada", "--thread", "t", stdin="cosy crime\n")
    assert result.stdout.count("What kinds of books") == 1
    assert "cosy crime" in json.dumps(json.loads(cli("profile", "show", "-u", "ada", "--json").stdout))


@pytest.mark.parametrize("user", ["", "  "])
def test_chat_without_a_user_is_an_error_before_anything_is_said(cli: Cli, user: str) -> None:
    result = cli("chat", "-u", user, stdin="I live in Leeds\n")
    assert result.exit_code == 2
    assert "user id is missing" in result.stderr


def test_a_wrong_setting_names_its_variable() -> None:
    env = {"PERSONALAGENT_ASK": "loudly", "PERSONALAGENT_BACKEND": "memory:"}
    result = CliRunner().invoke(app, ["chat", "-u", "ada"], env=env, input="")
    assert result.exit_code == 2
    assert "PERSONALAGENT_ASK='loudly'" in result.stderr


def test_an_unknown_backend_is_one_clear_error() -> None:
    result = CliRunner().invoke(app, ["profile", "show", "-u", "ada", "--backend", "redis://x"])
    assert result.exit_code == 2
    assert "unknown backend 'redis://x'" in result.stderr


def test_the_data_is_in_the_users_data_directory_unless_told_otherwise() -> None:
    runner = CliRunner()
    assert runner.invoke(app, ["profile", "pin", "-u", "ada", DIET, "vegan"]).exit_code == 0
    assert (Path(os.environ["XDG_DATA_HOME"]) / "personalagent" / "people.db").exists()


def test_infer_gives_one_line_of_json_for_each_line(cli: Cli) -> None:
    lines = [
        json.dumps({"user": "I live in Leeds"}),
        "",
        "not json",
        json.dumps({"user": 3}),
        json.dumps({"replying_to": "x"}),
        json.dumps({"user": "hi", "mood": "good"}),
        json.dumps({"user": "What is the capital of France?", "replying_to": "Anything else?"}),
    ]
    result = cli("infer", stdin="\n".join(lines))
    assert result.exit_code == 0
    first, *errors, last = [json.loads(line) for line in result.stdout.splitlines()]
    assert first["operations"][0]["preference"]["slot"] == CITY
    assert first["operations"][0]["evidence"] == {"quote": "I live in Leeds", "start": 0}
    assert first["classification"] == "new"
    assert [(error["line"], bool(error["error"])) for error in errors] == [(n, True) for n in (3, 4, 5, 6)]
    assert (last["operations"], last["classification"]) == ([], "none")
