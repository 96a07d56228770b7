import numpy as np
import pytest

from feedbackward.classes import ClassTable
from feedbackward.errors import InputError
from feedbackward.segmenters.thresholds import apply_thresholds, check_thresholds, parse_thresholds
from feedbackward.task import Task

BINARY = ClassTable(("background", "crack"), ((0, 0, 0), (255, 0, 0)))
TABLE = ClassTable(("road", "crack", "stain"), ((0, 0, 0), (255, 0, 0), (0, 255, 0)))


def by_hand(pixel, thresholds, void):
    """The class of one pixel, in the words of the rule."""
    reached = {i: pixel[i] / t for i, t in thresholds.items() if pixel[i] >= t}
    if reached:
        return max(reached, key=reached.get)
    rest = [i for i in range(len(pixel)) if i not in thresholds]
    return max(rest, key=lambda i: pixel[i]) if rest else void


@pytest.mark.parametrize("threshold", [0.2, 0.5, 0.9])
def test_one_threshold_of_two_classes_is_the_binary_one(threshold):
    crack = np.random.default_rng(0).random((20, 30), np.float32)
    mask = apply_thresholds(np.stack([1 - crack, crack]), {1: threshold}, BINARY)
    assert mask.dtype == np.uint8
    np.testing.assert_array_equal(mask, crack >= np.float32(threshold))


@pytest.mark.parametrize(
    "thresholds", [{}, {0: 0.5}, {1: 0.2, 2: 0.3}, {2: 1.0}, {0: 0.4, 1: 0.4, 2: 0.4}, {0: 0.99, 1: 0.99, 2: 0.99}]
)
def test_the_rule(thresholds):
    probabilities = np.random.default_rng(1).dirichlet((1, 1, 1), (8, 9)).transpose(2, 0, 1)
    mask = apply_thresholds(probabilities, thresholds, TABLE)
    expected = [[by_hand(probabilities[:, y, x], thresholds, 255) for x in range(9)] for y in range(8)]
    np.testing.assert_array_equal(mask, expected)


def test_without_thresholds_it_is_the_most_probable_class():
    probabilities = np.random.default_rng(2).random((3, 5, 6), np.float32)
    np.testing.assert_array_equal(apply_thresholds(probabilities, {}, TABLE), probabilities.argmax(0))


def test_void_may_need_16_bits():
    table = ClassTable(tuple(map(str, range(300))), ((0, 0, 0),) * 300, ignore_index=65535, void_value=65535)
    probabilities = np.full((300, 1, 1), 1 / 300, np.float32)
    mask = apply_thresholds(probabilities, dict.fromkeys(range(300), 0.5), table)
    assert mask.dtype == np.uint16
    assert mask.tolist() == [[65535]]


def test_parsing():
    table = ClassTable(("a=b", "crack"), ((0, 0, 0), (255, 0, 0)))
    tasks = [Task("", 2, table)]
    assert check_thresholds(parse_thresholds(["crack=0.7", "a=b=1"]), tasks) == {"": {1: 0.7, 0: 1.0}}
    assert parse_thresholds([]) == {}


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (["crack"], "threshold 'crack': expected NAME=THRESHOLD with a number, such as crack=0.7"),
        (["crak=0.5"], "threshold crak=0.5: no class has that name; did you mean crack?"),
        (["crack=0.5", "crack=0.6"], "threshold 'crack=0.6': crack has a threshold already, 0.5; give one"),
        (["crack=0"], "threshold crack=0: expected a probability above 0 and at most 1"),
        (["crack=70"], "threshold crack=70: expected a probability"),
        (["crack=half"], "threshold 'crack=half': expected NAME=THRESHOLD with a number"),
        (["crack=nan"], "threshold 'crack=nan': expected NAME=THRESHOLD with a number"),
    ],
)
def test_wrong_thresholds(texts, message):
    with pytest.raises(InputError) as error:
        check_thresholds(parse_thresholds(texts), [Task("", len(TABLE), TABLE)])
    assert str(error.value).startswith(message)
