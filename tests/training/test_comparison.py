"""Which images several data sets have in common, on data sets without files."""

import torch

from feedbackward.streets.dataset import Streets
from feedbackward.training.comparison import common_scenes


class Listed(torch.utils.data.Dataset):
    """Items of the names and the gray values of these images."""

    def __init__(self, **values):
        self.values = list(values.items())

    def __len__(self):
        return len(self.values)

    def __getitem__(self, index):
        name, value = self.values[index]
        return {"name": name, "image": torch.full((3, 2, 4), value), "mask": torch.zeros(2, 4, dtype=torch.int64)}


def test_images_are_the_same_if_names_and_pixels_are():
    found = common_scenes([Listed(a=0.1, b=0.2, c=0.3, d=0.4), Listed(d=0.4, c=0.5, e=0.1, b=0.2)], count=4)
    assert found.indices == {"b": (1, 3), "d": (3, 0)}
    assert found.differing == ("c",)
    assert found.note.endswith("are different images (1): c")


def test_no_more_are_chosen_than_asked_for_evenly_spread():
    values = {str(number): number / 100 for number in range(101)}
    found = common_scenes([Listed(**values), Listed(**values), Listed(**values)], count=4)
    assert found.indices == {str(n): (n, n, n) for n in (12, 37, 63, 88)}
    assert found.note == ""


def test_synthetic_streets_are_the_same_for_the_same_seed():
    def streets(seed, scenes):
        return Streets("val", scenes=scenes, seed=seed, size=(32, 64))

    assert len(common_scenes([streets(0, 2), streets(0, 3)], count=4).indices) == 2
    other = common_scenes([streets(0, 2), streets(1, 2)], count=4)
    assert (len(other.indices), len(other.differing)) == (0, 2)
