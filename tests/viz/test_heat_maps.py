"""Heat maps: their ends, and that lightness ascends with the value."""

import numpy as np

from feedbackward.viz.heat_maps import heat_map, heat_over, heat_scale


def test_lightness_ascends_with_the_value() -> None:
    picture = heat_map(np.linspace(0, 1, 50)[None])
    luma = picture[0] @ np.array([0.299, 0.587, 0.114])
    assert (np.diff(luma) > 0).all()
    assert picture.dtype == np.uint8
    np.testing.assert_array_equal(heat_map(np.array([[-1.0, 2.0]])), picture[:, [0, -1]])


def test_zero_leaves_the_image_and_one_covers_it() -> None:
    image = np.full((1, 2, 3), 200, np.uint8)
    found = heat_over(image, np.array([[0.0, 1.0]]))
    assert found[0, 0].tolist() == [110, 110, 110]
    np.testing.assert_array_equal(found[0, 1], heat_map(np.array([[1.0]]))[0, 0])


def test_the_scale_goes_from_the_first_to_the_last_color() -> None:
    first, last = ("rgb({}, {}, {})".format(*heat_map(np.array([[end]]))[0, 0]) for end in (0.0, 1.0))
    assert heat_scale().startswith(f"linear-gradient(to right, {first}")
    assert heat_scale().endswith(f"{last})")
