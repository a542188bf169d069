"""The whole recipe on a model of two million parameters: every stage for real, DPO beside it, and export."""

from dataclasses import replace
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from personalagent.errors import SettingError  # noqa: E402
from personalagent.pages import BEGIN, END  # noqa: E402
from personalagent.profile.template import load_template  # noqa: E402
from personalagent.training import dpo  # noqa: E402
from personalagent.training.config import configured, read  # noqa: E402
from personalagent.training.episodes import corpus_histories, windows  # noqa: E402
from personalagent.training.export import export  # noqa: E402
from personalagent.training.tiny.pretrain import Course  # noqa: E402
from personalagent.training.tiny.recipe import FIGURES, Recipe, cook  # noqa: E402
from personalagent.training.tiny.report import CURVES, fill, table  # noqa: E402
from personalagent.training.watching import lines  # noqa: E402

pytestmark = [pytest.mark.training, pytest.mark.timeout(400)]

CONFIG = """
[model]
path = "unused"
device = "cpu"
[data]
kind = "corpus"
windows = true
most = 8
[sft]
out = "unused"
max_steps = 4
batch_size = 4
micro_batch_size = 4
learning_rate = 3e-4
[dpo]
out = "{work}/dpo"
start = "{work}/sft/model"
max_steps = 2
batch_size = 4
micro_batch_size = 4
learning_rate = 1e-4
[grpo]
out = "unused"
max_steps = 2
batch_size = 1
micro_batch_size = 4
learning_rate = 1e-4
turns = 2
num_generations = 2
beta = 0
max_completion_length = 12
"""


def test_every_stage_is_run_measured_and_kept(tmp_path: Path) -> None:
    torch.set_num_threads(1)
    template, said = load_template(), list[str]()
    config = tmp_path / "few.toml"
    config.write_text(CONFIG.format(work=tmp_path / "work"))
    recipe = Recipe(
        tmp_path / "work",
        size="test",
        config=str(config),
        seeds=1,
        course=Course(short_epochs=0.5, epochs=0.5),
        most=120,
    )
    histories = [windows(one, 3, template)[0] for one in corpus_histories(template, "dev")[:2]]
    figures = cook(recipe, lambda what, *_: said.append(what.split(" (")[0]), histories)
    assert set(figures) == {"silent", "rules", "embedded", "sft", "grpo-1"}
    assert {one["turns"] for one in figures.values()} == {6}
    assert 1.5e6 < figures["sft"]["parameters"] < 2.5e6
    assert (recipe.work / FIGURES).is_file()
    assert len(lines(recipe.work / "grpo-1" / "metrics.jsonl")) == 2
    assert "writing prompts" in said

    said.clear()
    assert cook(recipe, lambda what, *_: said.append(what.split(" (")[0]), histories) == figures
    assert not any(what.startswith(("writing", "pre-training")) for what in said)

    with pytest.raises(SettingError, match="holds a model with another most"):
        cook(replace(recipe, most=60), lambda *_: None, histories)

    assert table(figures).startswith(
        "| figure | silent | rules | embedded | sft | grpo, 1 seeds | grpo - sft |"
    )
    page = tmp_path / "page.md"
    page.write_text(f"# Page\n\n{BEGIN}\n{END}\n")
    fill(recipe.work, page)
    assert table(figures) in page.read_text()
    assert (tmp_path / "training" / CURVES).stat().st_size > 1000

    preferred = dpo.train(configured(read(config), "dpo"))
    assert (export(preferred, tmp_path / "served") / "config.json").is_file()


def test_the_page_has_a_place_for_the_figures() -> None:
    page = (Path(__file__).parents[2] / "docs" / "training.md").read_text(encoding="utf-8")
    assert page.index(BEGIN) < page.index(END)
