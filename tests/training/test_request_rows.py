"""The corpus's requests among the rows for SFT: what is needed is taught by them alone."""

from personalagent.corpora import gold as corpus
from personalagent.policies.notation import parse_inference
from personalagent.profile.preference import Inference
from personalagent.training.config import Source
from personalagent.training.rows import episodes, sft_rows
from tests.training.steps import TEMPLATE


def test_the_part_s_requests_are_taught_with_what_they_need() -> None:
    source = Source(kind="corpus", held_out=0.02)
    users = {one.user for one in episodes(source, "held_out", TEMPLATE)}
    rows = sft_rows(source, "held_out", TEMPLATE)
    asked = [one for one in corpus.requests(None, "train") if one.persona in users]
    turns = sum(len(one.turns) for one in episodes(source, "held_out", TEMPLATE))
    assert asked
    assert len(rows) == turns + len(asked)
    for row, one in zip(rows[turns:], asked, strict=True):
        told = parse_inference(row["completion"][0]["content"])
        assert isinstance(told, Inference)
        assert {need.slot for need in told.needs or ()} <= one.needs.keys()
        assert bool(told.needs) == bool(one.needs)
        assert f"<message>\n{one.request[:20]}" in row["prompt"][1]["content"]
