"""The CRF against mean-field inference over all pairs of pixels, written out by hand."""

import pytest
import torch
from torch.testing import assert_close

from feedbackward.errors import InputError
from feedbackward.nn import DenseCRF
from feedbackward.nn.permutohedral import PermutohedralLattice

OPTIONS = {"appearance_xy": 6.0, "appearance_rgb": 40.0, "smoothness_xy": 1.5}


@pytest.fixture
def scene() -> tuple[torch.Tensor, torch.Tensor]:
    """Noisy scores of three classes, and an image in which each class has its own color."""
    generator = torch.Generator().manual_seed(0)
    classes = torch.zeros(14, 18, dtype=torch.long)
    classes[:, 6:], classes[8:, 10:] = 1, 2
    colors = torch.tensor([[0.2, 0.3, 0.9], [0.8, 0.3, 0.2], [0.3, 0.8, 0.3]])
    image = colors[classes].permute(2, 0, 1) + 0.03 * torch.randn(3, 14, 18, generator=generator)
    logits = torch.nn.functional.one_hot(classes).permute(2, 0, 1) + torch.randn(3, 14, 18, generator=generator)
    return logits, image.clamp(0, 1)


def by_hand(logits: torch.Tensor, image: torch.Tensor, crf: DenseCRF) -> torch.Tensor:
    classes, height, width = logits.shape
    places = torch.cartesian_prod(torch.arange(height), torch.arange(width)).double()
    colors = 255 * image.double().reshape(3, -1).T
    space, color = torch.cdist(places, places).square(), torch.cdist(colors, colors).square()
    appearance = torch.exp(-space / (2 * crf.appearance_xy**2) - color / (2 * crf.appearance_rgb**2))
    smoothness = torch.exp(-space / (2 * crf.smoothness_xy**2))
    total = 0
    for weight, kernel in ((crf.appearance_weight, appearance), (crf.smoothness_weight, smoothness)):
        degree = kernel.sum(1).sqrt()
        total = total + weight * kernel / degree[:, None] / degree[None, :]
    unary = -logits.double().reshape(classes, -1).T.log_softmax(1)
    potts = 1 - torch.eye(classes, dtype=torch.float64)
    q = (-unary).softmax(1)
    for _ in range(crf.iterations):
        q = (-unary - total @ q @ potts).softmax(1)
    return q.T.reshape(classes, height, width)


class AllPairs(PermutohedralLattice):
    """The filter that the lattice approximates."""

    def __init__(self, features: torch.Tensor) -> None:
        self.weights = torch.exp(
            -(torch.cdist(features, features, compute_mode="donot_use_mm_for_euclid_dist") ** 2) / 2
        )

    def filter(self, values: torch.Tensor) -> torch.Tensor:
        return self.weights @ values


@pytest.mark.parametrize("iterations", [0, 1, 10])
@pytest.mark.parametrize(("lattice", "tolerance"), [(AllPairs, 1e-5), (PermutohedralLattice, 0.05)])
def test_it_is_mean_field_inference(
    scene: tuple[torch.Tensor, torch.Tensor],
    lattice: type,
    tolerance: float,
    iterations: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("feedbackward.nn.crf.PermutohedralLattice", lattice)
    logits, image = scene
    crf = DenseCRF(iterations=iterations, **OPTIONS)
    found, expected = crf(logits[None], image[None])[0].exp(), by_hand(logits, image, crf)
    assert_close(found.double(), expected, atol=tolerance, rtol=0)
    if iterations == 10:
        assert (expected - logits.softmax(0)).abs().max() > 0.5


def test_with_the_published_deviations(
    scene: tuple[torch.Tensor, torch.Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    logits, image = scene
    crf = DenseCRF()
    expected = by_hand(logits, image, crf)
    # Similar colors interact strongly, so the lattice changes single pixels: compare the mean only.
    assert (crf(logits[None], image[None])[0].exp() - expected).abs().mean() < 0.01
    assert (logits.softmax(0) - expected).abs().mean() > 0.1
    monkeypatch.setattr("feedbackward.nn.crf.PermutohedralLattice", AllPairs)
    assert_close(crf(logits[None], image[None])[0].exp().double(), expected, atol=1e-5, rtol=0)


def test_the_defaults_are_those_of_deeplab() -> None:
    found = {name: value for name, value in vars(DenseCRF()).items() if not name.startswith("_")}
    del found["training"]
    assert found == {
        "iterations": 10,
        "appearance_weight": 4,
        "appearance_xy": 49,
        "appearance_rgb": 5,
        "smoothness_weight": 3,
        "smoothness_xy": 3,
    }


def test_it_removes_noise_up_to_the_edges_of_the_image(scene: tuple[torch.Tensor, torch.Tensor]) -> None:
    logits, image = scene
    truth = torch.zeros(14, 18, dtype=torch.long)
    truth[:, 6:], truth[8:, 10:] = 1, 2
    refined = DenseCRF(**OPTIONS)(logits[None], image[None])[0]
    assert (logits.argmax(0) != truth).float().mean() > 0.2
    assert (refined.argmax(0) != truth).float().mean() < 0.02


def test_images_of_a_batch_are_refined_independently(scene: tuple[torch.Tensor, torch.Tensor]) -> None:
    logits, image = scene
    crf = DenseCRF(iterations=2, **OPTIONS)
    both = crf(torch.stack([logits, logits.flip(2)]), torch.stack([image, image.flip(2)]))
    assert torch.equal(both[0], crf(logits[None], image[None])[0])
    assert torch.equal(both[1], crf(logits.flip(2)[None], image.flip(2)[None])[0])


def test_autocast_does_not_change_it(scene: tuple[torch.Tensor, torch.Tensor]) -> None:
    logits, image = (tensor[None] for tensor in scene)
    crf = DenseCRF(**OPTIONS)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        inside = crf(logits, image)
    assert torch.equal(inside, crf(logits, image))


@pytest.mark.parametrize("option", ["appearance_xy", "appearance_rgb", "smoothness_xy"])
def test_a_zero_deviation_is_refused(option: str) -> None:
    with pytest.raises(InputError, match=f"{option} is 0.0; expected a standard deviation above 0"):
        DenseCRF(**{option: 0.0})


def test_bad_iterations_and_sizes_are_refused(scene: tuple[torch.Tensor, torch.Tensor]) -> None:
    logits, image = scene
    with pytest.raises(InputError, match="iterations is -1; expected 0 or more"):
        DenseCRF(iterations=-1)
    with pytest.raises(InputError, match="the sizes 7x18 and 14x18; expected the same size: resize one"):
        DenseCRF()(logits[None, :, :7], image[None])
