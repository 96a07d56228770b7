"""Scores do not depend on how the images come: in which batches, from how many workers, on how many threads."""

import pytest
import torch

from feedbackward.data.datamodule import SegmentationDataModule

pytestmark = [
    pytest.mark.filterwarnings("ignore:The '.*_dataloader' does not have many workers"),
    pytest.mark.filterwarnings("ignore:`isinstance.treespec, LeafSpec.` is deprecated"),
]


class Feed(SegmentationDataModule):
    """The images of another datamodule, in batches of its own."""

    def __init__(self, data, **options):
        super().__init__(batch_size=2, **options)
        self.data = data

    @property
    def class_table(self):
        return self.data.class_table

    def dataset(self, split):
        return self.data.dataset(split)


@pytest.fixture
def scores(make_task, make_trainer, stripes):
    torch.manual_seed(0)
    task = make_task()
    task.network.double()

    def validate(batch_size, workers):
        trainer = make_trainer(precision="64-true")
        trainer.validate(task, Feed(stripes, eval_batch_size=batch_size, num_workers=workers), verbose=False)
        # The loss is a mean over batches, and that of the IoU is one of a whole batch.
        return {name: value.item() for name, value in trainer.callback_metrics.items() if name != "val/loss"}

    return validate


def test_batches_workers_and_threads(scores):
    expected = scores(1, 0)
    assert len(expected) > 2
    assert scores(2, 0) == pytest.approx(expected, rel=1e-12, nan_ok=True)
    assert scores(3, 2) == pytest.approx(expected, rel=1e-12, nan_ok=True)
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(threads + 1)
        assert scores(3, 0) == pytest.approx(expected, rel=1e-12, nan_ok=True)
    finally:
        torch.set_num_threads(threads)
