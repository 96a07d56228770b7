"""Networks that start from a trained one."""

import pytest
import torch
from torch.testing import assert_close

import feedbackward as fb
from feedbackward.classes import ClassTable
from feedbackward.data.palette import default_palette
from feedbackward.models import SegmentationNetwork
from feedbackward.models.continued import take_weights

WIDE = fb.DecoderConfig(rank=2, head_channels=16, head_strides="all")


def table(*names: str) -> ClassTable:
    return ClassTable(names, default_palette(len(names)))


def trained(name: str, **options: object) -> SegmentationNetwork:
    """A network with classes a, b and c; nothing is zero, as classifiers and statistics are before a training."""
    torch.manual_seed(0)
    network = fb.create_model(name, classes=3, encoder_weights=None, **options)
    for tensor in network.state_dict().values():
        if tensor.is_floating_point() and not tensor.any():
            tensor.uniform_()
    network.class_table = table("a", "b", "c")
    return network.eval()


NETWORKS = [
    ("test_resnet", {}),
    ("test_resnet", {"decoder": WIDE, "freeze_encoder": True}),
    ("segnet", {"encoder_name": "vgg11"}),
    ("fcn8s", {"encoder_name": "vgg11_narrow"}),
    ("deeplab_largefov", {"encoder_name": "vgg11_narrow"}),
]


@pytest.mark.parametrize(("name", "options"), NETWORKS)
def test_classes_of_the_same_name_keep_their_logits(name, options, tmp_path):
    network = trained(name, **options)
    network.save_pretrained(tmp_path)
    other = fb.from_pretrained(tmp_path, classes=table("new", "c", "a", "newer"))
    assert (other.classes, other.training) == (4, False)
    assert other.class_table.names == ("new", "c", "a", "newer")
    image = torch.rand(1, 3, 64, 64)
    logits, expected = other(image), network(image)
    assert_close(logits[:, [2, 1]], expected[:, [0, 2]])
    assert not torch.allclose(logits[:, 0], expected[:, 1])


def test_a_number_of_classes_starts_with_a_new_classifier(tmp_path):
    trained("test_resnet").save_pretrained(tmp_path)
    saved = fb.from_pretrained(tmp_path)
    same, other = fb.from_pretrained(tmp_path, classes=3), fb.from_pretrained(tmp_path, classes=5)
    assert same.class_table == saved.class_table
    assert (other.classes, other.class_table) == (5, None)
    for name, tensor in saved.state_dict().items():
        assert_close(same.state_dict()[name], tensor)
        if not name.startswith("head.pointwise."):
            assert_close(other.state_dict()[name], tensor)


def test_other_options_are_refused():
    network = fb.create_model("test_resnet", classes=3, encoder_weights=None, decoder=WIDE)
    with pytest.raises(fb.InputError, match=r"^the network to start from has other options: decoder \{.*'rank': 0"):
        take_weights(network, trained("test_resnet"))


def test_unknown_options_are_refused(tmp_path):
    trained("test_resnet").save_pretrained(tmp_path)
    with pytest.raises(fb.InputError, match=r"from_pretrained has no in_channels: of .* only the classes can change"):
        fb.from_pretrained(tmp_path, in_channels=5)
    with pytest.raises(fb.InputError, match="classes"):
        fb.from_pretrained(tmp_path, classes=0)
