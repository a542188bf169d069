"""Recipes: those that ship say what the paper says, and a wrong one is one clear error."""

from pathlib import Path
from typing import Any, get_args

import pytest

from personalagent.errors import SettingError
from personalagent.training.config import GrpoConfig, Kind, configured, load, read, shipped

HEAD = '[model]\npath = "org/model"\n[data]\nkind = "corpus"\n'
SFT = '[sft]\nout = "runs/x"\nlearning_rate = 1e-5\n'
GRPO = '[grpo]\nout = "runs/x"\nlearning_rate = 1e-5\n'
NO_RATE = '[sft]\nout = "runs/x"\n'
KINDS: tuple[Kind, ...] = get_args(Kind)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "mine.toml"


def error_of(file: Path, text: str, kind: Kind = "sft") -> str:
    """What is said of a file, in one line that begins with its name."""
    file.write_text(text, "utf-8")
    with pytest.raises(SettingError) as raised:
        load(file, kind)
    said = str(raised.value)
    assert "\n" not in said
    assert said.startswith(f"{file}: ")
    return said.removeprefix(f"{file}: ")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", shipped())
def test_every_file_that_ships_serves_every_kind_of_run(name: str, kind: Kind) -> None:
    config = configured(read(name), kind, name)
    assert config.kind == kind
    assert config.train.rows % config.train.micro_batch_size == 0
    assert config.train.out.name == kind


def test_the_files_that_the_documentation_names_ship() -> None:
    assert shipped() == (
        "llama-3.2-3b.toml",
        "qwen3-4b-24gb.toml",
        "qwen3-4b.toml",
        "tiny-gpu.toml",
        "tiny.toml",
    )


@pytest.mark.parametrize(
    ("name", "model"),
    [
        ("qwen3-4b.toml", "Qwen/Qwen3-4B-Instruct-2507"),
        ("llama-3.2-3b.toml", "meta-llama/Llama-3.2-3B-Instruct"),
    ],
)
def test_the_papers_hyper_parameters(name: str, model: str) -> None:
    recipe = read(name)
    assert recipe.model.path == model
    assert recipe.sft
    assert recipe.dpo
    assert recipe.grpo
    assert (recipe.sft.epochs, recipe.sft.batch_size, recipe.sft.learning_rate) == (9, 32, 1e-5)
    assert (recipe.dpo.epochs, recipe.dpo.batch_size, recipe.dpo.learning_rate) == (1, 32, 5e-6)
    grpo = recipe.grpo
    assert (grpo.epochs, grpo.batch_size, grpo.learning_rate) == (1, 32, 5e-6)
    assert (grpo.num_generations, grpo.max_prompt_length, grpo.max_completion_length) == (6, 2048, 512)
    assert (grpo.turns, grpo.rows, grpo.weights) == (10, 1920, None)
    assert recipe.judge.name == "vllm:Qwen3-30B-A3B-Instruct-2507"
    assert (recipe.data.kind, recipe.data.held_out) == ("aloe", 0.1)
    assert recipe.lora is None


def test_the_recipe_for_a_small_card_learns_few_weights_on_short_dialogues() -> None:
    recipe = read("qwen3-4b-24gb.toml")
    assert recipe.lora
    assert recipe.grpo
    assert recipe.vllm
    assert (recipe.lora.rank, recipe.lora.targets) == (32, "all-linear")
    assert recipe.grpo.num_generations == 4
    assert recipe.grpo.turns <= 5
    assert recipe.vllm.sleep
    assert recipe.judge.kind == "gold", "a judge has no room beside it"


@pytest.mark.parametrize("name", shipped())
def test_hardware_and_deviations_stand_at_the_top(name: str) -> None:
    folder = Path(__file__).parents[2] / "personalagent" / "training" / "configs"
    top = (folder / name).read_text("utf-8").split("\n[")[0]
    assert all(line.startswith("#") for line in top.splitlines() if line)
    assert "paper" in top
    assert "personalagent train" in top or "accelerate launch" in top


def test_a_path_wins_over_a_name_that_ships(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(file.parent)
    file.with_name("tiny.toml").write_text(HEAD + SFT, "utf-8")
    assert load("tiny.toml", "sft").model.path == "org/model"


def test_a_folder_that_is_given_takes_the_place_of_the_files(file: Path) -> None:
    file.write_text(HEAD + SFT, "utf-8")
    assert load(file, "sft").train.out == Path("runs/x")
    assert load(file, "sft", Path("elsewhere")).train.out == Path("elsewhere")


def test_a_file_that_is_not_there_is_told_with_those_that_are(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match=r"there is no file none\.toml; those that ship are .*tiny\.toml$"):
        load("none.toml", "sft")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (HEAD + SFT + "learning_rte = 1", "there is no key sft.learning_rte"),
        (HEAD + NO_RATE + "learning_rte = 1", "there is no key sft.learning_rte"),
        (HEAD + SFT + "[stf]\n", "there is no key stf"),
        (HEAD + SFT + "beta = 0.1", "there is no key sft.beta"),
        (HEAD + NO_RATE, "the key sft.learning_rate is missing"),
        ("[model]\npath = 'a'\n" + SFT, "the key data is missing"),
        (HEAD + NO_RATE + 'learning_rate = "1"', 'sft.learning_rate "1": input should be a valid number'),
        (HEAD + NO_RATE + "learning_rate = nan", "sft.learning_rate NaN: input should be greater than 0"),
        (HEAD + SFT + "epochs = true", "sft.epochs true: input should be a valid number"),
        (HEAD + SFT + "batch_size = 1.5", "sft.batch_size 1.5: input should be a valid integer"),
        (HEAD + SFT + "seed = 1979-05-27", 'sft.seed "1979-05-27": input should be a valid integer'),
        (HEAD + SFT + "batch_size = 0", "sft.batch_size 0: input should be greater than or equal to 1"),
        (HEAD + SFT + "micro_batch_size = 5", "sft: micro_batch_size must divide the 32 rows of a step"),
        (HEAD + SFT + "[dpo]\nout = 1\nlearning_rate = 1", "dpo.out 1: input should be a valid string"),
        (HEAD, "there is no table [sft]"),
        ("sft = 3\n" + HEAD, "sft 3: input should be an object"),
        ("[model", "Expected ']' at the end of a table declaration (at end of document)"),
    ],
)
def test_what_is_wrong_is_told_with_its_key(file: Path, text: str, said: str) -> None:
    assert error_of(file, text) == said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (HEAD + GRPO + "turns = 0", "grpo.turns 0: input should be greater than or equal to 1"),
        (HEAD + GRPO + "weights = [1, 2]", "grpo: there are 2 weights for 10 turns"),
        (HEAD + GRPO + "turns = 2\nweights = [0, 0]", "grpo: weights must not be negative, nor all be 0"),
        (HEAD + GRPO + 'reward = "rouge"', "grpo.reward \"rouge\": input should be 'judge', 'bleu' or 'f1'"),
        (HEAD + GRPO + '[judge]\nkind = "model"', "judge: name must be openai:NAME or vllm:NAME, not ''"),
        (HEAD + GRPO + '[judge]\nname = "openai:x"', "judge: name and url go with the kind model"),
        (HEAD + GRPO + '[vllm]\nmode = "server"', "vllm: a url goes with the mode server, and with it only"),
    ],
)
def test_what_is_wrong_with_grpo(file: Path, text: str, said: str) -> None:
    assert error_of(file, text, "grpo") == said


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ('kind = "aloe"', "data: a path goes with aloe and laps, and with them only"),
        ('kind = "corpus"\npath = "x"', "data: a path goes with aloe and laps, and with them only"),
        ('kind = "corpus"\nwhat = "replies"', "data: only aloe has replies that are preferred and rejected"),
        ('kind = "aloe"\npath = "no/such.jsonl"', "data.path: there is no file or folder no/such.jsonl"),
        ('kind = "reddit"', "data.kind \"reddit\": input should be 'corpus', 'aloe' or 'laps'"),
        ('kind = "corpus"\nheld_out = 1', "data.held_out 1: input should be less than 1"),
    ],
)
def test_data_that_cannot_be_had(file: Path, data: str, said: str) -> None:
    assert error_of(file, f'[model]\npath = "org/model"\n[data]\n{data}\n' + SFT) == said


@pytest.mark.parametrize("path", ["./none", "no/such/folder", "/none", "~/none"])
def test_a_model_that_is_plainly_a_folder_must_be_there(file: Path, path: str) -> None:
    said = error_of(file, HEAD.replace("org/model", path) + SFT)
    assert said == f"model.path: there is no folder {path}"


def test_training_cannot_start_from_an_adapter(file: Path) -> None:
    (file.parent / "adapter_config.json").write_text("{}", "utf-8")
    said = error_of(file, HEAD + SFT + f'start = "{file.parent}"')
    assert said.startswith(f"sft.start: {file.parent} is an adapter; `personalagent train export`")


def test_prose_is_not_judged_by_comparing_operations(file: Path) -> None:
    data = HEAD.replace('"corpus"', f'"aloe"\npath = "{file.parent}"')
    assert error_of(file, data + GRPO, "grpo").startswith("judge.kind: ALOE's gold is prose")
    file.write_text(data + GRPO + '[judge]\nkind = "model"\nname = "openai:x"', "utf-8")
    assert isinstance(load(file, "grpo"), GrpoConfig)


def test_simulated_users_go_with_the_corpus_and_without_a_judge(file: Path) -> None:
    simulated = GRPO + 'mode = "simulated"\n'
    model = '[judge]\nkind = "model"\nname = "openai:x"'
    aloe = HEAD.replace('"corpus"', f'"aloe"\npath = "{file.parent}"')
    for text, wrong in (
        (aloe + simulated, 'data.kind = "corpus"'),
        (aloe + simulated + model, 'data.kind = "corpus" and judge.kind = "gold"'),
        (HEAD + simulated + 'reward = "f1"\nturns = 1\nweights = [1]', 'reward = "judge" and no weights'),
    ):
        assert error_of(file, text, "grpo") == f"grpo.mode: simulated goes with {wrong} only"
    file.write_text(HEAD + simulated, "utf-8")
    assert load(file, "grpo").train.mode == "simulated"


def test_the_settings_are_those_of_the_kind_that_is_run(file: Path) -> None:
    file.write_text(HEAD + SFT + GRPO + "turns = 2\nweights = [1, 2]", "utf-8")
    told: dict[str, Any] = load(file, "grpo").settings()
    assert set(told) == {"model", "data", "lora", "judge", "vllm", "grpo"}
    assert told["grpo"]["weights"] == [1, 2]
    assert set(load(file, "sft").settings()) == {"model", "data", "lora", "sft"}
