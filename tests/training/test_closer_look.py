"""The worst images and the objects of a validation set, against counts by hand."""

import numpy as np
import torch

from feedbackward.training.closer_look import look_closer


def iou_by_hand(prediction, mask, classes):
    found = []
    for index in range(classes):
        truth, predicted = (mask == index), (prediction == index) & (mask != 255)
        if (truth | predicted).any():
            found.append((truth & predicted).sum() / (truth | predicted).sum())
    return np.mean(found)


def test_the_worst_images_come_first(make_task, stripes):
    task, dataset = make_task(), stripes.dataset("train")
    with torch.inference_mode():
        task.eval()
        predictions = [task(item["image"][None]).argmax(dim=1)[0].numpy() for item in dataset.items]
    masks = [item["mask"].numpy() for item in dataset.items]
    scores = [iou_by_hand(prediction, mask, 3) for prediction, mask in zip(predictions, masks, strict=True)]
    found = look_closer(task, dataset, worst=3)
    assert [index for index, _ in found.worst] == np.argsort(scores)[:3].tolist()
    np.testing.assert_allclose([score for _, score in found.worst], sorted(scores)[:3])


def test_objects_are_counted_by_size(make_task, stripes):
    dataset = stripes.dataset("train")
    # A stripe is 6 wide and 15 or 16 high, so it is small; neighbors of one color are one object.
    runs = [np.flatnonzero(np.diff(item["mask"][5].numpy(), prepend=-1)) for item in dataset.items]
    colors = [item["mask"][5].numpy()[starts] for item, starts in zip(dataset.items, runs, strict=True)]
    expected = np.bincount(np.concatenate(colors), minlength=3)
    found = look_closer(make_task(), dataset).by_size
    assert list(found["small"]["objects"].values()) == expected.tolist()
    assert set(found["large"]["objects"].values()) == {0}
