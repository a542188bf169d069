import json
from pathlib import Path

import pytest

from tests.cli.conftest import Cli
from tests.make import DIET

PIN = ("profile", "pin", "-u", "ada", DIET)


def shown(cli: Cli, *words: str) -> dict[str, list[str]]:
    result = cli("profile", *words, "--json")
    assert result.exit_code == 0, result.output
    profile = json.loads(result.stdout)["profile"]
    return {slot: [held["value"] for held in values] for slot, values in profile.items()}


def test_an_unknown_user_is_said_to_be_unknown(cli: Cli) -> None:
    result = cli("profile", "show", "-u", "ada")
    assert (result.exit_code, result.stdout) == (0, "Nothing is known of ada.\n")
    assert shown(cli, "show", "-u", "ada") == {}


@pytest.mark.parametrize("words", [("show", "-u", ""), ("why", "-u", " ", DIET), ("export", "-u", "a\x00")])
def test_a_missing_user_is_an_error(cli: Cli, words: tuple[str, ...]) -> None:
    result = cli("profile", *words)
    assert result.exit_code == 2
    assert result.stderr.startswith("error: user id")


def test_a_pinned_value_is_shown_and_explained(cli: Cli) -> None:
    assert "pinned" in cli(*PIN, "vegan", "--scope", "at home").stdout
    assert "vegan (at home)" in cli("profile", "show", "-u", "ada").stdout
    assert "set by hand" in cli("profile", "why", "-u", "ada", DIET).stdout
    assert shown(cli, "show", "-u", "ada") == {DIET: ["vegan"]}


def test_a_removed_value_is_gone_from_the_profile_and_stays_in_history(cli: Cli) -> None:
    cli(*PIN, "vegan")
    cli(*PIN, "vegan", "--remove")
    assert shown(cli, "show", "-u", "ada") == {}
    assert "retracted" in cli("profile", "why", "-u", "ada", DIET).stdout


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("consumption.diet.restrictions", "vegan"), "did you mean consumption.diet.restriction"),
        ((DIET, "x" * 300), "value"),
        ((DIET, "vegan", "--polarity", "adores"), "polarity"),
    ],
)
def test_a_pin_that_cannot_be_is_one_clear_error(cli: Cli, words: tuple[str, ...], complaint: str) -> None:
    result = cli("profile", "pin", "-u", "ada", *words)
    assert result.exit_code == 2
    assert complaint in result.stderr
    assert shown(cli, "show", "-u", "ada") == {}


def test_at_shows_an_earlier_profile(cli: Cli) -> None:
    cli(*PIN, "vegan")
    assert shown(cli, "at", "-u", "ada", "2000-01-01") == {}
    assert shown(cli, "at", "-u", "ada", "2999-01-01T12:00") == {DIET: ["vegan"]}
    result = cli("profile", "at", "-u", "ada", "yesterday")
    assert result.exit_code == 2
    assert "'yesterday' is not an ISO time" in result.stderr


def test_undo_takes_a_turn_back(cli: Cli) -> None:
    cli("chat", "-u", "ada", stdin="I went vegetarian last spring\n")
    history = json.loads(cli("profile", "why", "-u", "ada", DIET, "--json").stdout)
    result = cli("profile", "undo", "-u", "ada", history[0]["turns"][0])
    assert result.exit_code == 0
    assert shown(cli, "show", "-u", "ada") == {}
    unknown = cli("profile", "undo", "-u", "ada", "nosuch")
    assert unknown.exit_code == 2
    assert "no turn 'nosuch'" in unknown.stderr


def test_export_erase_import(cli: Cli, tmp_path: Path) -> None:
    cli(*PIN, "vegan")
    file = tmp_path / "ada.json"
    assert cli("profile", "export", "-u", "ada", str(file)).exit_code == 0
    assert json.loads(cli("profile", "export", "-u", "ada").stdout) == json.loads(file.read_text())
    assert cli("profile", "erase", "-u", "ada", stdin="n\n").exit_code == 1
    assert shown(cli, "show", "-u", "ada") == {DIET: ["vegan"]}
    assert "erased" in cli("profile", "erase", "-u", "ada", "--yes").stdout
    assert shown(cli, "show", "-u", "ada") == {}
    assert cli("profile", "import", "-u", "ada", str(file)).stdout == "1 new entries.\n"
    assert shown(cli, "show", "-u", "ada") == {DIET: ["vegan"]}
    other = cli("profile", "import", "-u", "bob", str(file))
    assert other.exit_code == 2
    assert "belongs to 'ada'" in other.stderr


def test_a_file_that_is_no_export_is_named(cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "notes.json"
    file.write_text("{")
    result = cli("profile", "import", "-u", "ada", str(file))
    assert result.exit_code == 2
    assert "notes.json" in result.stderr


def test_a_retired_slot_is_shown_as_such(cli: Cli, tmp_path: Path) -> None:
    slot = {
        "id": "interests.chess.opening",
        "name": "Chess opening",
        "description": "The opening the person plays.",
        "kind": "many",
        "question": "Which opening do you play?",
        "examples": ["Sicilian", "Caro-Kann", "London"],
    }
    sub = {"id": "chess", "name": "Chess", "slots": [slot]}
    category = {"id": "interests", "name": "Interests", "description": "Mine.", "subcategories": [sub]}
    file = tmp_path / "own.json"
    file.write_text(json.dumps({"categories": [category]}))
    with_it = ("--template", str(file))
    assert cli("profile", "pin", "-u", "ada", slot["id"], "Sicilian", *with_it).exit_code == 0
    assert "retired" not in cli("profile", "show", "-u", "ada", *with_it).stdout
    assert "interests.chess.opening (retired)" in cli("profile", "show", "-u", "ada").stdout


def test_a_bad_template_ends_the_command_with_file_and_line(cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "own.json"
    file.write_text('{"categories": [\n 7]}')
    result = cli("profile", "show", "-u", "ada", "--template", str(file))
    assert result.exit_code == 2
    assert "own.json:2: categories.0" in result.stderr


def test_markup_and_control_characters_in_values_are_shown_as_they_are(cli: Cli) -> None:
    cli(*PIN, "[red]no \x1b[31mred")
    assert "[red]no �[31mred" in cli("profile", "show", "-u", "ada").stdout
