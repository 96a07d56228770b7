"""Shape inference: the image sizes that an encoder accepts, and the axes that depend on them."""

import hypothesis.strategies as st
import pytest
import timm
import torch
from hypothesis import given
from torch import Tensor, nn

from feedbackward.transform import infer_shapes, trace
from feedbackward.transform.shapes import InputSizes


def test_images_are_padded_to_a_size_that_the_encoder_accepts() -> None:
    assert InputSizes(minimum=32, multiple=1).padded((5, 100)) == (32, 100)
    assert InputSizes(minimum=64, multiple=32).padded((65, 64)) == (96, 64)


sides = st.integers(1, 300)


@given(minimum=sides, multiple=st.integers(1, 64), height=sides, width=sides)
def test_there_is_no_smaller_size_to_pad_to(minimum: int, multiple: int, height: int, width: int) -> None:
    possible = range(multiple, 1000, multiple)
    expected = tuple(next(n for n in possible if n >= max(side, minimum)) for side in (height, width))
    assert InputSizes(minimum, multiple).padded((height, width)) == expected


@given(minimum=sides, multiple=st.integers(1, 64), size=st.tuples(sides, sides))
def test_a_padded_size_is_not_padded_again(minimum: int, multiple: int, size: tuple[int, int]) -> None:
    sizes = InputSizes(minimum, multiple)
    assert sizes.padded(sizes.padded(size)) == sizes.padded(size)


@pytest.mark.parametrize(
    ("name", "sizes"),
    [
        ("resnet18", InputSizes(32, 1)),
        ("hrnet_w18_small", InputSizes(32, 32)),  # its branches meet at sizes that must be even
        ("inception_v3", InputSizes(128, 1)),  # needs 75 pixels; the sizes that are tried double from 32
    ],
)
def test_the_sizes_that_an_encoder_accepts(name: str, sizes: InputSizes) -> None:
    with torch.device("meta"):
        assert infer_shapes(trace(timm.create_model(name)), channels=3).sizes == sizes


class Layouts(nn.Module):
    """An image, its channels last, its pixels in a row, and a vector."""

    def forward_features(self, x: Tensor) -> Tensor:
        last = x.permute(0, 2, 3, 1)
        return x + last.flatten(1, 2).mean(1)[:, :, None, None]


def test_axes_that_depend_on_the_image_size_are_distinguished() -> None:
    encoder = trace(Layouts())
    shapes = infer_shapes(encoder, channels=5)
    layouts = {node.name: shapes.layout(node) for node in encoder.graph.nodes if node in shapes.reference}
    assert layouts == {
        "x": (False, True, False, False),
        "permute": (False, False, False, True),
        "flatten": (False, False, True),
        "mean": (False, True),
        "getitem": (False, True, True, True),
        "add": (False, True, False, False),
    }
    x, permute = list(encoder.graph.nodes)[:2]
    assert (shapes.is_image(x), shapes.is_channels_last(x)) == (True, False)
    assert (shapes.is_image(permute), shapes.is_channels_last(permute)) == (False, True)
    assert shapes.stride(x) == shapes.stride(permute) == 1
