"""Run-length codes of any mask: written and read here, and by pycocotools."""

import io
import json

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra.numpy import array_shapes, arrays
from numpy.typing import NDArray
from pycocotools import mask as coco_mask

from feedbackward.classes import ClassTable
from feedbackward.importing.coco_masks import encode_runs, read_runs
from feedbackward.segmenters.outputs.coco import COCO
from feedbackward.segmenters.outputs.output import OutputOptions
from feedbackward.segmenters.result import Result

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # of pycocotools
MASKS = arrays(np.bool_, array_shapes(min_dims=2, max_dims=2, max_side=12))
TABLE = ClassTable(("off", "on"), ((0, 0, 0), (1, 1, 1)))


@given(MASKS, st.integers(0, 3), st.integers(0, 3))
def test_a_box_in_an_image(mask: NDArray[np.bool_], top: int, left: int) -> None:
    height, width = mask.shape
    expected = np.pad(mask, ((top, 2), (left, 1)))
    np.testing.assert_array_equal(encode_runs(mask, top, left).cover(height + top + 2, width + left + 1), expected)


@given(MASKS)
def test_the_compressed_code_of_pycocotools(mask: NDArray[np.bool_]) -> None:
    code = coco_mask.encode(np.asfortranarray(mask, np.uint8))
    runs = read_runs({"size": [*mask.shape], "counts": code["counts"].decode()}, *mask.shape)
    np.testing.assert_array_equal(runs.cover(*mask.shape), mask)


@given(MASKS)
def test_the_objects_of_a_prediction_are_read_by_pycocotools(mask: NDArray[np.bool_]) -> None:
    result = Result(np.zeros((*mask.shape, 3), np.uint8), mask.astype(np.uint8), TABLE)
    found = np.zeros(mask.shape, int)
    for entry in written(result):
        code = entry["segmentation"]
        codes = coco_mask.frPyObjects(code if isinstance(code, list) else [code], *mask.shape)
        covered = coco_mask.decode(coco_mask.merge(codes)).astype(int)
        assert covered.sum() == entry["area"]
        found += covered
    np.testing.assert_array_equal(found, mask)


def written(result: Result) -> list[dict]:
    """The annotations of a result, those of the background left out."""
    file = io.BytesIO()
    COCO.write(result, OutputOptions(background="off"), file)
    return json.loads(file.getvalue())["annotations"]
