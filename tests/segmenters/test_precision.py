import pytest
import torch

from feedbackward.errors import InputError
from feedbackward.segmenters import Normalized
from feedbackward.segmenters.precision import Autocast


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_logits_are_those_of_the_network_up_to_the_precision(trained, precision):
    images = torch.rand(2, 3, 32, 48, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        expected = Normalized(trained).logits(images)
        found = Normalized(Autocast(trained, precision)).logits(images)
    assert found.dtype == torch.float32
    assert not torch.equal(found, expected)
    torch.testing.assert_close(found, expected, rtol=0, atol=0.03 * expected.abs().max().item())


def test_the_preprocessing_is_that_of_the_network(strongest):
    assert Autocast(strongest, "bf16").preprocessing == strongest.preprocessing


def test_a_file_has_its_own_precision(one_hot):
    with pytest.raises(
        InputError, match="an exported file has a precision of its own; export it with --precision bf16"
    ):
        Autocast(one_hot, "bf16")


def test_a_device_that_cannot_compute_in_it(strongest, monkeypatch):
    with pytest.raises(InputError, match="the device meta cannot compute in fp16; use another --precision"):
        Autocast(strongest.to("meta"), "fp16")


def test_a_device_that_falls_back_to_float32(strongest, monkeypatch):
    monkeypatch.setattr(torch, "autocast", lambda device, dtype: torch.no_grad())
    with pytest.raises(InputError, match="the device cpu cannot compute in bf16"):
        Autocast(strongest, "bf16")
