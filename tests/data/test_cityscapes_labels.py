import numpy as np
import pytest

from feedbackward.data.cityscapes_labels import (
    CATEGORIES,
    CITYSCAPES,
    EVALUATED,
    LABEL_IDS,
    LABELS,
    MEAN_INSTANCE_SIZE,
    TRAIN_IDS,
)

# The columns "evaluated" of the published label table: label id -> train id.
PUBLISHED = {
    7: 0, 8: 1, 11: 2, 12: 3, 13: 4, 17: 5, 19: 6, 20: 7, 21: 8, 22: 9, 23: 10, 24: 11, 25: 12, 26: 13,
    27: 14, 28: 15, 31: 16, 32: 17, 33: 18,
}  # fmt: skip


def test_labels_are_indexed_by_their_ids() -> None:
    assert [label.id for label in LABELS] == list(range(34))
    assert [label.train_id for label in EVALUATED] == list(range(19))
    assert {label.id: label.train_id for label in EVALUATED} == PUBLISHED


def test_lookup_tables_agree_with_the_labels_and_with_each_other() -> None:
    assert TRAIN_IDS.dtype == LABEL_IDS.dtype == np.uint8
    for value in range(256):
        assert TRAIN_IDS[value] == PUBLISHED.get(value, 255)
    np.testing.assert_array_equal(TRAIN_IDS[LABEL_IDS[:19]], np.arange(19))
    assert (LABEL_IDS[19:] == 0).all()


def test_lookup_tables_cannot_be_changed_by_accident() -> None:
    with pytest.raises(ValueError, match="read-only"):
        TRAIN_IDS[0] = 1


def test_instances_and_categories() -> None:
    assert [label.id for label in LABELS if label.has_instances] == list(range(24, 34))
    assert list(MEAN_INSTANCE_SIZE) == [24, 25, 26, 27, 28, 31, 32, 33]
    assert CATEGORIES == ("void", "flat", "construction", "object", "nature", "sky", "human", "vehicle")
    assert {label.category for label in EVALUATED} == set(CATEGORIES) - {"void"}


def test_class_table() -> None:
    assert CITYSCAPES.names[:3] == ("road", "sidewalk", "building")
    assert CITYSCAPES.names[18] == "bicycle"
    assert CITYSCAPES.colors[0] == (128, 64, 128)
    assert CITYSCAPES.ignore_index == 255
    assert CITYSCAPES.values == (7, 8, 11, 12, 13, 17, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 31, 32, 33)
    assert CITYSCAPES.void_value == 0
