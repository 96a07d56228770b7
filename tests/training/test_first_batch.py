"""The picture of the first batch."""

import numpy as np
import pytest
from PIL import Image

from feedbackward.training.first_batch import FirstBatch
from feedbackward.training.run_folder import RunFolder

# Warnings of Lightning and torch that do not apply to these few steps.
pytestmark = [
    pytest.mark.filterwarnings("ignore:The '.*_dataloader' does not have many workers"),
    pytest.mark.filterwarnings("ignore:The number of training batches"),
    pytest.mark.filterwarnings("ignore:`isinstance.treespec, LeafSpec.` is deprecated"),
    pytest.mark.filterwarnings("ignore:Be aware that when using `ckpt_path`"),
    pytest.mark.filterwarnings("ignore:Found .* module.s. in eval mode"),
]


def test_images_are_beside_their_masks(make_task, make_trainer, stripes, table, tmp_path, capsys):
    folder = RunFolder(tmp_path / "run")
    make_trainer(max_epochs=2, callbacks=[FirstBatch(folder)]).fit(make_task(), stripes)
    assert capsys.readouterr().out.count(f"the first batch, as the network sees it: {folder.first_batch}") == 1
    picture = np.array(Image.open(folder.first_batch)).astype(int)[: 4 * 16]  # four images, then the legend
    image, mask = picture[:, 2:22], picture[:, 26:46]  # 24 columns each, without the edges that JPEG smears
    # The color of a stripe is the brightest channel of the image and of its class.
    agree = image.argmax(axis=2) == mask.argmax(axis=2)
    visible = mask.max(axis=2) > 150  # not the void row at the top of each mask
    assert visible.mean() > 0.7
    assert agree[visible].mean() > 0.95


def test_a_resumed_training_writes_none(make_task, make_trainer, stripes, tmp_path):
    trainer = make_trainer(max_epochs=1)
    trainer.fit(make_task(), stripes)
    trainer.save_checkpoint(tmp_path / "cut.ckpt")
    folder = RunFolder(tmp_path / "run")
    again = make_trainer(max_epochs=2, callbacks=[FirstBatch(folder)])
    again.fit(make_task(), stripes, ckpt_path=tmp_path / "cut.ckpt", weights_only=True)
    assert not folder.first_batch.exists()
