"""What a sentence says of somebody else."""

import pytest

from personalagent.policies.others import of_another


@pytest.mark.parametrize(
    ("sentence", "value", "expected"),
    [
        ("my sister is vegetarian", "vegetarian", True),
        ("our eldest daughter hates mushrooms", "mushrooms", True),
        ("he's allergic to nuts", "nuts", True),
        ("my mother-in-law only eats fish", "fish", True),
        ("my wife and i are vegetarian", "vegetarian", False),
        ("my brother is loud, i like quiet rooms", "quiet rooms", False),
        ("i told my friend that i hate mushrooms", "mushrooms", False),
        ("my grandma's peach cobbler", "peach cobbler", False),
        ("i am vegetarian", "vegetarian", False),
    ],
)
def test_whose_it_is(sentence: str, value: str, expected: bool) -> None:
    assert of_another(sentence, sentence.index(value)) is expected
