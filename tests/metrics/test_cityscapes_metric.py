"""Comparison with a reference written out pixel by pixel; test_official compares with the official evaluator."""

import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from feedbackward.data.cityscapes_labels import CITYSCAPES, LABEL_IDS, TRAIN_IDS
from feedbackward.errors import InputError
from feedbackward.metrics import CityscapesMetric, SegmentationMetric
from feedbackward.metrics.cityscapes_counts import count_image
from feedbackward.metrics.cityscapes_scores import cityscapes_scores

EVALUATED = [7, 8, 11, 12, 13, 17, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 31, 32, 33]
CATEGORIES = {"human": [24, 25], "vehicle": [26, 27, 28, 29, 30, 31, 32, 33]}
NAMES = {
    24: "person", 25: "rider", 26: "car", 27: "truck", 28: "bus", 31: "train", 32: "motorcycle",
    33: "bicycle",
}  # fmt: skip
SIZES = {
    24: 3462.4756337644, 25: 3930.4788056518, 26: 12794.0202738185, 27: 27855.1264367816,
    28: 35732.1511111111, 31: 67583.7075812274, 32: 6298.7200839748, 33: 4672.3249222261,
}  # fmt: skip
DEVICES = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]


def batch(seed: int, *, device: str = "cpu") -> tuple[Tensor, Tensor, Tensor]:
    """Predicted train ids, true label ids and instance ids; a third of the pixels is right."""
    generator = torch.Generator().manual_seed(seed)

    def random(low: int, high: int) -> Tensor:
        return torch.randint(low, high, (2, 12, 17), generator=generator)

    label_ids = random(0, 34).where(random(0, 2) == 0, random(24, 34))
    instance_ids = (label_ids * 1000 + random(0, 3)).where((label_ids >= 24) & (random(0, 4) > 0), label_ids)
    prediction = random(0, 19)
    for train_id, label_id in enumerate(EVALUATED):
        prediction[(label_ids == label_id) & (random(0, 3) == 0)] = train_id
    arrays = prediction, label_ids.to(torch.uint8), instance_ids.to(torch.int32)
    return tuple(array.to(device) for array in arrays)  # type: ignore[return-value]


def iiou_by_hand(batches: list[tuple[Tensor, Tensor, Tensor]]) -> dict[str, float]:
    hits: dict[str, float] = dict.fromkeys([*NAMES.values(), *CATEGORIES], 0.0)
    misses, false_positives = dict(hits), dict(hits)
    for prediction, label_ids, instance_ids in batches:
        for n in range(len(prediction)):
            predicted = [EVALUATED[p] for p in prediction[n].flatten().tolist()]
            instances: dict[int, list[int]] = {}
            for p, i in zip(predicted, instance_ids[n].flatten().tolist(), strict=True):
                if i > 1000 and i // 1000 in SIZES:
                    instances.setdefault(i, []).append(p)
            for i, pixels in instances.items():
                weight = SIZES[i // 1000] / len(pixels)
                category = "human" if i // 1000 < 26 else "vehicle"
                for p in pixels:
                    own, of_category = p == i // 1000, p in CATEGORIES[category]
                    (hits if own else misses)[NAMES[i // 1000]] += weight
                    (hits if of_category else misses)[category] += weight
            for p, truth in zip(predicted, label_ids[n].flatten().tolist(), strict=True):
                if truth in EVALUATED:
                    for category, ids in CATEGORIES.items():
                        if p in ids:
                            false_positives[NAMES[p]] += p != truth
                            false_positives[category] += truth not in ids
    return {name: hits[name] / (hits[name] + misses[name] + false_positives[name]) for name in hits}


def scored(*batches: tuple[Tensor, Tensor, Tensor]) -> CityscapesMetric:
    metric = CityscapesMetric().to(batches[0][0].device)
    for arrays in batches:
        metric.update(*arrays)
    return metric


@pytest.mark.parametrize("device", DEVICES)
def test_iiou_is_the_definition(device: str) -> None:
    batches = [batch(0, device=device), batch(1, device=device)]
    scores = scored(*batches).compute()
    class_iiou, category_iiou = scores.per_class["iiou"], scores.per_category["iiou"]
    for name, expected in iiou_by_hand(batches).items():
        found = category_iiou[name] if name in CATEGORIES else class_iiou[name]
        assert found == pytest.approx(expected, abs=1e-12), name
    assert math.isnan(class_iiou["road"])
    assert math.isnan(category_iiou["flat"])


def test_train_ids_are_scored_as_their_label_ids() -> None:
    prediction, label_ids, instance_ids = batch(2)
    confusion = torch.zeros(34, 34, dtype=torch.int64)
    for image in zip(torch.tensor(LABEL_IDS)[prediction], label_ids, instance_ids, strict=True):
        confusion += count_image(*image).confusion
    assert scored(batch(2)).compute().label_confusion == confusion.tolist()
    assert confusion.sum() == prediction.numel()


def plain(scores: CityscapesMetric) -> dict[str, Any]:
    official: dict[str, Any] = scores.compute().to_official()
    return official


def assert_same(first: dict[str, Any], second: dict[str, Any]) -> None:
    assert first["confMatrix"] == second["confMatrix"]
    for key in ("classScores", "classInstScores", "categoryScores", "categoryInstScores", "priors"):
        assert first[key] == pytest.approx(second[key], abs=1e-12, nan_ok=True)


def test_states_of_processes_merge_by_sum() -> None:
    whole, first = scored(batch(3), batch(4)), scored(batch(3))
    first.merge_state(scored(batch(4)))
    assert_same(plain(first), plain(whole))


def test_instances_of_different_images_are_not_merged() -> None:
    arrays = batch(5)
    one_by_one = scored(*(tuple(a[i : i + 1] for a in arrays) for i in range(2)))  # type: ignore[misc]
    assert_same(plain(scored(arrays)), plain(one_by_one))


def test_sums_keep_their_precision_when_a_network_changes_its_own() -> None:
    expected = plain(scored(batch(6)))
    holder = nn.ModuleDict({"scores": scored(batch(6))})
    holder.half().to(torch.bfloat16).to(torch.float16)
    scores = holder["scores"]
    assert isinstance(scores, CityscapesMetric)
    assert_same(plain(scores), expected)
    scores.reset()
    scores.update(*batch(6))
    assert_same(plain(scores), expected)


def test_without_images_all_scores_are_nan() -> None:
    scores = CityscapesMetric()
    with pytest.warns(UserWarning, match="compute.*before.*update"):
        result = scores.compute()
    assert all(math.isnan(score) for score in [*result.scalars.values(), *result.to_official()["priors"].values()])


def test_a_train_id_over_18_is_refused() -> None:
    prediction, label_ids, instance_ids = batch(0)
    prediction[0, 0, 0] = 255
    with pytest.raises(InputError, match="the prediction, in train ids, contains the value 255, expected 0 to 18"):
        scored((prediction, label_ids, instance_ids))


def test_a_label_id_over_33_is_refused() -> None:
    prediction, label_ids, instance_ids = batch(0)
    label_ids[1, 0, 0] = 34
    with pytest.raises(InputError, match="the ground truth contains the value 34, expected 0 to 33"):
        scored((prediction, label_ids, instance_ids))


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int16])
def test_an_instance_map_of_too_few_bits_is_refused(dtype: torch.dtype) -> None:
    prediction, label_ids, instance_ids = batch(0)
    with pytest.raises(InputError, match=rf"type {dtype} cannot hold 33999.*instanceIds\.png files into int32"):
        scored((prediction, label_ids, instance_ids.to(dtype)))


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (34000, "the instance map contains the value 34000, expected 0 to 33999"),
        (7001, "the instance map contains the value 7001, an instance of 'road', which has no instances"),
    ],
)
def test_an_impossible_instance_is_refused(value: int, message: str) -> None:
    prediction, label_ids, instance_ids = batch(0)
    instance_ids[0, 0, 0] = value
    with pytest.raises(InputError, match=message):
        scored((prediction, label_ids, instance_ids))


def test_accuracy_counts_predictions_of_labels_that_are_not_evaluated() -> None:
    road, parking = 7, 9
    truth = torch.full((2, 4), road)
    counts = count_image(torch.tensor([[road] * 4, [road, parking, parking, parking]]), truth, truth)
    scores = cityscapes_scores(counts)
    assert scores.per_class["accuracy"]["road"] == 5 / 8
    assert scores.scalars["pixel_accuracy"] == scores.scalars["mean_accuracy"] == 5 / 8
    assert scores.confusion[0][0] == 5
    assert sum(map(sum, scores.confusion)) == 5
    assert scores.predicted_void == [3, *[0] * 18]
    assert scores.notes[1].startswith("3 of 8 pixels are predicted as void, or as a class that is not scored")


def test_the_class_scores_are_those_of_plain_classes() -> None:
    prediction, label_ids, instance_ids = batch(7)
    plain = SegmentationMetric(CITYSCAPES)
    plain.update(prediction, torch.tensor(TRAIN_IDS)[label_ids.long()])
    expected, found = plain.compute(), scored((prediction, label_ids, instance_ids)).compute()
    assert found.confusion == expected.confusion
    for name, values in expected.per_class.items():
        assert found.per_class[name] == pytest.approx(values, abs=1e-12, nan_ok=True)
    assert expected.scalars == pytest.approx({name: found.scalars[name] for name in expected.scalars}, abs=1e-12)


def test_images_of_other_sizes_add_a_note() -> None:
    full = torch.zeros(1, 1024, 2048, dtype=torch.int64)
    note = "iIoU is comparable only at 1024x2048"
    assert note not in scored((full, full, full)).compute().notes
    assert scored((full, full, full), batch(0)).compute().notes == [note]
