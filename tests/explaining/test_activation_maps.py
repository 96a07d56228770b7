"""Grad-CAM against captum, on a graph with a module at the value."""

import copy

import pytest
import torch
from captum.attr import LayerGradCam
from torch import Tensor, fx, nn

from feedbackward.errors import InputError
from feedbackward.explaining import grad_cam
from feedbackward.explaining.activation_maps import Part
from feedbackward.explaining.depths import places
from feedbackward.models import Feedbackward
from feedbackward.nn import resize_logits


class Tapped(nn.Module):
    """The network as its plain graph, with an identity module where one of its values is."""

    def __init__(self, network: Feedbackward, stride: int, part: Part) -> None:
        super().__init__()
        own = copy.deepcopy(network)
        decoder_graph = own.decoder_graph()
        node: fx.Node = getattr(places(decoder_graph)[stride], part)
        own.tap = nn.Identity()
        with decoder_graph.graph.inserting_after(node):
            tapped = decoder_graph.graph.call_module("tap", (node,))
        node.replace_all_uses_with(tapped, delete_user_cb=lambda user: user is not tapped)
        self.run, self.head = fx.GraphModule(own, decoder_graph.graph), own.head

    def forward(self, image: Tensor) -> Tensor:
        return resize_logits(self.head(self.run(image)), (image.shape[-2], image.shape[-1]))


@pytest.mark.parametrize(("stride", "part"), [(32, "feature"), (8, "feature"), (16, "signal"), (4, "signal")])
def test_it_equals_captum_s(stride: int, part: Part, network: Feedbackward, image: Tensor) -> None:
    tapped = Tapped(network, stride, part)
    reference = LayerGradCam(tapped, tapped.run.tap).attribute(image, target=(1, 20, 30), relu_attributions=True)
    found = grad_cam(network, image, 1, at=(30, 20), stride=stride, part=part)
    torch.testing.assert_close(found, resize_logits(reference, (65, 97))[0, 0])
    assert found.max() > 0


def test_the_strides_by_default(network: Feedbackward, image: Tensor) -> None:
    for part, stride in (("feature", 32), ("signal", 4)):
        found = grad_cam(network, image, 2, at=(5, 6), part=part)
        assert torch.equal(found, grad_cam(network, image, 2, at=(5, 6), part=part, stride=stride))


def test_it_works_without_gradients_and_keeps_none(network: Feedbackward, image: Tensor) -> None:
    with torch.no_grad():
        assert grad_cam(network, image, 0, at=(0, 0)).isfinite().all()
    assert all(parameter.grad is None for parameter in network.parameters())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"at": (97, 0)}, "the pixel 97,0 is outside the image; expected x from 0 to 96, y to 64"),
        ({"at": (0, 0), "stride": 2}, "stride 2: the decoder does not pass it; expected one of 32, 16, 8, 4"),
        ({"at": (0, 0), "class_index": 3}, "class 3: expected 0 to 2"),
    ],
)
def test_wrong_arguments(options: dict, message: str, network: Feedbackward, image: Tensor) -> None:
    with pytest.raises(InputError, match=message):
        grad_cam(network, image, **{"class_index": 0, **options})
