import pytest

from feedbackward.errors import listed


@pytest.mark.parametrize(
    ("things", "text"),
    [([], ""), ([3], "3"), (["a", "b"], "a, b"), (range(3), "0, 1 and 1 more"), (range(12), "0, 1 and 10 more")],
)
def test_a_long_list_ends_with_the_number_of_the_rest(things, text):
    assert listed(things, most=2) == text
