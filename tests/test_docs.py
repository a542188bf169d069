"""What the documentation says is run, and the files it names exist."""

import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import get_args

import pytest
from typer.main import get_command

from personalagent.cli import app
from personalagent.corpora import gold
from personalagent.profile.template import load_template

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]


def test_the_example_in_the_readme_asks_and_answers(tmp_path: Path) -> None:
    (block,) = re.findall(r"```python\n(.*?)```", PAGES[0].read_text(), re.DOTALL)
    done = subprocess.run(
        [sys.executable, "-c", block], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=True
    )
    question, _, *reply = done.stdout.splitlines()
    assert question.endswith("?")
    assert any("slow French dramas" in line for line in reply)
    assert (tmp_path / "people.db").exists()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_files_that_are_named_exist(page: Path) -> None:
    text = page.read_text()
    named = re.findall(r"`((?:personalagent|tests|docs|profile|policies|nodes|graph)/[\w./-]+)`", text)
    missing = [n for n in named if not (ROOT / n).exists() and not (ROOT / "personalagent" / n).exists()]
    assert missing == []
    links = re.findall(r"\]\((?!http)([^)#]+)\)", text)
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_commands_that_are_named_exist() -> None:
    command = get_command(app)
    known = set(getattr(command, "commands", {}))
    for page in PAGES:
        named = re.findall(r"(?:bin/|`)personalagent (\w+)", page.read_text())
        assert set(named) <= known, page.name


def test_make_targets_that_are_named_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for page in PAGES:
        named = re.findall(r"(?:^|`)make ([a-z-]+)", page.read_text(), re.MULTILINE)
        assert set(named) <= targets, page.name


def test_the_templates_size_is_as_they_say() -> None:
    template = load_template()
    real = {
        "categories": len(template.categories),
        "subcategories": template.subcategory_count,
        "slots": len(template.slots),
        "kinds of requests": len(template.requests),
    }
    changelog = (ROOT / "CHANGELOG.md").read_text()
    said = re.findall(r"(\d+) (categories|subcategories|slots|kinds of requests)", changelog)
    assert {what: int(count) for count, what in said} == real
    profile = (ROOT / "docs" / "profile.md").read_text()
    assert f"{real['subcategories']} subcategories and {real['slots']} slots" in profile


def test_no_page_speaks_of_a_machine() -> None:
    for page in PAGES:
        assert not re.search(r"(?<![\w.])/(?:work|root|home|opt)/", page.read_text()), page.name


def test_the_datasheets_counts_are_those_of_the_data() -> None:
    page = (ROOT / "docs" / "datasheet.md").read_text()

    def row(name: str) -> list[int]:
        (cells,) = re.findall(rf"^\| {re.escape(name)} \|(.*)\|$", page, re.MULTILINE)
        return [int(number.replace(",", "")) for number in re.findall(r"\b\d[\d,]*", cells)]

    for split in get_args(gold.Split):
        spoken, asked = gold.dialogues(None, split), gold.requests(None, split)
        turns = [turn for one in spoken for turn in one.turns]
        actions = [op.action for turn in turns for op in turn.operations]
        needing = Counter(one.decision for one in asked if one.needs)
        people, free = len({one.persona for one in spoken}), sum(not one.needs for one in asked)
        said = [people, len(spoken), len(turns), len(actions), actions.count("retract")]
        assert row(split) == [*said, needing["answer"], needing["ask"], free]
    every, single = gold.dialogues(), gold.utterances()
    assert row("`dialogues.jsonl`") == [len(every), sum(len(one.turns) for one in every)]
    assert row("`second.jsonl`")[-2:] == [len(gold.second()), sum(len(one.turns) for one in gold.second())]
    assert row("`requests.jsonl`") == [len(gold.requests()), sum(bool(r.needs) for r in gold.requests())]
    assert row("`utterances.jsonl`") == [len(single), sum(one.mark is None for one in single)]
    assert row("`plain.jsonl`") == [len(gold.plain()), len(load_template().slots)]
    assert row("`askings.jsonl`")[-1] == len(gold.askings())
