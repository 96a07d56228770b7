import traceback

import pytest

from feedbackward.errors import FailureError, InputError, listed, one_line, printable


@pytest.mark.parametrize(
    ("things", "text"),
    [([], ""), ([3], "3"), (["a", "b"], "a, b"), (range(3), "0, 1 and 1 more"), (range(12), "0, 1 and 10 more")],
)
def test_a_long_list_ends_with_the_number_of_the_rest(things, text):
    assert listed(things, most=2) == text


def test_a_message_of_several_lines_becomes_one():
    assert one_line(ValueError("size mismatch:\n\t3  and 4\n")) == "size mismatch: 3 and 4"


@pytest.mark.parametrize("kind", [InputError, FailureError, RuntimeError, MemoryError])
def test_of_the_traceback_of_a_worker_its_message_is_shown(kind):
    try:
        raise kind("no file a.png")
    except kind:
        text = f"Caught {kind.__name__} in DataLoader worker process 0.\n{traceback.format_exc()}"
    assert printable(kind(text)) == "no file a.png"
