"""train: what is wrong is told before a script is started; those are tested with training."""

from importlib.util import find_spec
from pathlib import Path

import pytest

from personalagent.training.config import shipped
from tests.cli.conftest import Cli

HEAD = '[model]\npath = "org/model"\n[data]\nkind = "corpus"\n'
SFT = '[sft]\nout = "runs/x"\nlearning_rate = 1e-5\n'


def error_of(cli: Cli, *words: str) -> str:
    """The one line that is said."""
    result = cli("train", *words)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.startswith("error: ")
    assert result.stderr.count("\n") == 1
    return result.stderr.removeprefix("error: ").strip()


def test_a_file_that_is_not_there_is_told_with_those_that_ship(cli: Cli) -> None:
    said = error_of(cli, "sft", "--config", "none.toml")
    assert said == f"there is no file none.toml; those that ship are {', '.join(shipped())}"


@pytest.mark.parametrize(
    ("text", "kind", "said"),
    [
        (HEAD + SFT + "learning_rte = 1", "sft", "there is no key sft.learning_rte"),
        (HEAD + SFT, "dpo", "there is no table [dpo]"),
        (HEAD.replace("org/model", "./none") + SFT, "sft", "model.path: there is no folder ./none"),
        (
            HEAD.replace('"corpus"', '"aloe"\npath = "none"') + SFT,
            "sft",
            "data.path: there is no file or folder none",
        ),
    ],
)
def test_a_recipe_that_is_wrong_is_told_with_file_and_key(
    cli: Cli, tmp_path: Path, text: str, kind: str, said: str
) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(text, "utf-8")
    assert error_of(cli, kind, "--config", str(file)) == f"{file}: {said}"


@pytest.mark.skipif(find_spec("torch") is not None, reason="torch is installed")
@pytest.mark.parametrize("words", [("sft", "--config"), ("export", "runs/x")])
def test_what_is_not_installed_is_told_with_how_to_get_it(
    cli: Cli, tmp_path: Path, words: tuple[str, ...]
) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(HEAD + SFT, "utf-8")
    said = error_of(cli, *words, str(file))
    assert said.startswith("training needs torch, ")
    assert said.endswith(': pip install "personalagent[train]"')


def test_the_help_names_what_ships_and_how_to_go_on(cli: Cli) -> None:
    for kind in ("sft", "dpo", "grpo"):
        said = " ".join(cli("train", kind, "--help").stdout.split())
        assert "qwen3-4b.toml" in said
        assert "goes on from its newest checkpoint" in said
