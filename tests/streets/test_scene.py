"""Properties of scenes of any seed and size."""

import numpy as np
import pytest

from feedbackward.data.cityscapes_labels import LABELS
from feedbackward.streets import Scene, draw_scene

SIZE = (64, 128)
SEEDS = range(36)
VOID = {0, 1, 4}
DRAWN = {
    "road", "sidewalk", "building", "wall", "fence", "pole", "traffic light", "traffic sign", "vegetation",
    "terrain", "sky", "person", "rider", "car", "truck", "bus", "motorcycle", "bicycle",
}  # fmt: skip


@pytest.fixture(scope="module")
def scenes() -> list[Scene]:
    return [draw_scene((0, seed), SIZE) for seed in SEEDS]


def test_a_scene_depends_only_on_its_seed(scenes: list[Scene]) -> None:
    for seed in (5, 2, 5):
        again = draw_scene((0, seed), SIZE)
        for found, expected in zip(again, scenes[seed], strict=True):
            np.testing.assert_array_equal(found, expected)
    assert not np.array_equal(scenes[0].image, scenes[1].image)
    assert not np.array_equal(draw_scene(7, SIZE).image, draw_scene(8, SIZE).image)


def test_shapes_and_dtypes(scenes: list[Scene]) -> None:
    for image, label_ids, instance_ids in scenes:
        assert (image.shape, image.dtype) == ((*SIZE, 3), np.uint8)
        assert (label_ids.shape, label_ids.dtype) == (SIZE, np.uint8)
        assert (instance_ids.shape, instance_ids.dtype) == (SIZE, np.int32)


def test_label_ids_are_drawn_classes_or_void(scenes: list[Scene]) -> None:
    allowed = {label.id for label in LABELS if label.name in DRAWN} | VOID
    for scene in scenes:
        assert set(np.unique(scene.label_ids).tolist()) <= allowed


def test_objects_have_instances_and_stuff_has_none(scenes: list[Scene]) -> None:
    with_instances = [label.id for label in LABELS if label.has_instances]
    for scene in scenes:
        labels = scene.label_ids.astype(np.int32)
        things = np.isin(labels, with_instances)
        np.testing.assert_array_equal(scene.instance_ids[things] // 1000, labels[things])
        np.testing.assert_array_equal(scene.instance_ids[~things], labels[~things])
    counts = [np.unique(scene.instance_ids[scene.label_ids == 26]).size for scene in scenes]
    assert max(counts) > 2, "several cars of one scene are distinguished"


def test_every_class_occurs_often_enough_to_be_learned(scenes: list[Scene]) -> None:
    pixels, occurs = np.zeros(34), np.zeros(34)
    for scene in scenes:
        count = np.bincount(scene.label_ids.ravel(), minlength=34)
        pixels += count
        occurs += count > 0
    for label in LABELS:
        if label.name in DRAWN:
            assert occurs[label.id] >= 10, label.name
            assert pixels[label.id] / pixels.sum() > 0.002, label.name
    assert pixels[0] == 0, "nothing is left unpainted"


def test_sky_is_above_the_road_and_nothing_reaches_into_it_from_below(scenes: list[Scene]) -> None:
    for scene in scenes:
        rows = np.broadcast_to(np.arange(SIZE[0])[:, None], SIZE)
        sky, road = rows[scene.label_ids == 23], rows[scene.label_ids == 7]
        assert road.size > 0.05 * rows.size
        assert road.min() > 0.3 * SIZE[0]
        assert sky.size == 0 or sky.max() < road.min() + 1
        assert np.count_nonzero(scene.label_ids[-SIZE[0] // 4 :] == 23) == 0


def test_sizes_of_one_aspect_ratio_show_the_same_scene() -> None:
    for seed in SEEDS[:3]:
        small, large = draw_scene(seed, (64, 128)), draw_scene(seed, (192, 384))
        centers = large.label_ids[1::3, 1::3]
        assert np.mean(centers == small.label_ids) > 0.9
        means = large.image.reshape(64, 3, 128, 3, 3).mean((1, 3))
        assert np.abs(means - small.image).mean() < 12


@pytest.mark.parametrize("size", [(1, 1), (2, 300), (61, 97), (150, 40)])
def test_any_size_can_be_drawn(size: tuple[int, int]) -> None:
    scene = draw_scene(3, size)
    assert scene.image.shape == (*size, 3)
    assert scene.label_ids.shape == scene.instance_ids.shape == size


def test_color_alone_does_not_determine_the_class(scenes: list[Scene]) -> None:
    """The best label for each of 16x16x16 colors is often wrong, even on the pixels it was fitted to."""
    pairs = np.zeros((16**3, 34))
    for scene in scenes:
        red, green, blue = (scene.image // 16).astype(int).transpose(2, 0, 1)
        np.add.at(pairs, ((red * 16 + green) * 16 + blue, scene.label_ids), 1)
    assert pairs.max(axis=1).sum() / pairs.sum() < 0.7
