import numpy as np
import pytest

from feedbackward.errors import InputError
from feedbackward.plain_data import check_form

FORM = {"epoch": int, "scores": {"iou": (float, None)}, "names": [str], "size": ([int], None)}
GOOD = {"epoch": 3, "scores": {"iou": 0.5}, "names": ["a"], "size": [3, 4]}


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"more": 1},
        {"scores": {"iou": None}},
        {"scores": {"iou": 1}},
        {"size": None},
        {"epoch": np.int64(3)},
        {"names": ()},
    ],
)
def test_data_of_the_form(change):
    check_form(GOOD | change, FORM, source="x.json", advice="restore it")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ([], r"x\.json: the content is \[\]; expected names with values: restore it"),
        (GOOD | {"epoch": "x"}, "epoch is 'x'; expected a whole number"),
        (GOOD | {"epoch": True}, "epoch is True; expected a whole number"),
        (GOOD | {"epoch": 1.0}, "epoch is 1.0; expected a whole number"),
        (GOOD | {"scores": {}}, r"scores\.iou is missing; expected a number or nothing"),
        (GOOD | {"scores": {"iou": "x"}}, r"scores\.iou is 'x'; expected a number or nothing"),
        (GOOD | {"names": "ab"}, "names is 'ab'; expected a list"),
        (GOOD | {"names": ["a", 3]}, r"names\[1\] is 3; expected text"),
        (GOOD | {"size": [3, None]}, r"size\[1\] is None; expected a whole number"),
        (GOOD | {"epoch": "x" * 100}, r"epoch is 'x{56}\.\.\.;"),
    ],
)
def test_data_of_another_form(data, message):
    with pytest.raises(InputError, match=message):
        check_form(data, FORM, source="x.json", advice="restore it")
