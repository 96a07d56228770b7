import pytest

from feedbackward.errors import listed, one_line


@pytest.mark.parametrize(
    ("things", "text"),
    [([], ""), ([3], "3"), (["a", "b"], "a, b"), (range(3), "0, 1 and 1 more"), (range(12), "0, 1 and 10 more")],
)
def test_a_long_list_ends_with_the_number_of_the_rest(things, text):
    assert listed(things, most=2) == text


def test_a_message_of_several_lines_becomes_one():
    assert one_line(ValueError("size mismatch:\n\t3  and 4\n")) == "size mismatch: 3 and 4"
