import pytest
from jsonargparse import Namespace

from feedbackward.cli.split_options import class_names, division, given_split_options, without_effect
from feedbackward.errors import InputError

NONE = Namespace(val=None, seed=None, group=None)
SOME = Namespace(val=0.1, seed=0, group=None)


def test_names_are_stripped() -> None:
    assert class_names(" wall,traffic sign ") == ["wall", "traffic sign"]
    assert class_names(None) == []


@pytest.mark.parametrize("text", ["", "a,", ",a", "a, ,b"])
def test_empty_names_are_refused(text: str) -> None:
    with pytest.raises(InputError, match="with an empty name; expected names between commas"):
        class_names(text)


def test_what_is_given_is_known_even_if_it_is_the_default() -> None:
    assert division(NONE) == division(SOME) == {"val": 0.1, "seed": 0, "group": None}
    assert given_split_options(NONE) == []
    assert given_split_options(SOME) == ["--val", "--seed"]
    assert without_effect(NONE) == []
    assert without_effect(SOME) == ["--val, --seed without effect: the data set has its own validation images"]
