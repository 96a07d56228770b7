import pytest

from feedbackward.errors import listed


@pytest.mark.parametrize(
    ("things", "text"),
    [([], ""), ([3], "3"), (["a", "b"], "a, b"), (range(3), "0, 1 and 1 more"), (range(12), "0, 1 and 10 more")],
)
def test_a_list_is_cut_and_says_how_much_is_left(things, text):
    assert listed(things, most=2) == text
