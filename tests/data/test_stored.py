from pathlib import Path

import numpy as np
import pytest

from feedbackward.data.stored import to_native
from feedbackward.errors import InputError


@pytest.mark.parametrize(
    ("dtype", "read"),
    [
        ("uint8", "uint8"),
        (">u2", "uint16"),
        ("int8", "float32"),
        ("int16", "float32"),
        (">i4", "float32"),
        ("float16", "float32"),
        ("float32", "float32"),
        (">f8", "float32"),
    ],
)
def test_values_stay_the_same(dtype, read):
    values = np.array([0, 1, 127], dtype)
    assert to_native(values, Path()).dtype == read
    np.testing.assert_array_equal(to_native(values, Path()), [0, 1, 127])


def test_negative_values_stay_negative():
    np.testing.assert_array_equal(to_native(np.array([-1000, 3000], np.int16), Path()), [-1000, 3000])


@pytest.mark.parametrize("value", [np.int32(2**24 + 1), np.float64(0.1), np.float64(1e300)], ids=str)
def test_values_that_a_float32_cannot_hold(value):
    with pytest.raises(InputError, match=r"a\.tif has values of type (int32|float64) .* save it as uint8, uint16 or f"):
        to_native(np.array([value]), Path("a.tif"))


def test_values_that_are_not_numbers():
    with pytest.raises(InputError, match=r"a\.tif contains values that are not numbers \(2 of 3 are NaN or infinite\)"):
        to_native(np.array([np.nan, np.inf, 1]), Path("a.tif"))
