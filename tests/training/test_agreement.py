"""Validation, prediction and exported files agree, as all of them run through the segmenters."""

from dataclasses import replace

import numpy as np
import pytest
from lightning.pytorch import Callback
from PIL import Image

from feedbackward.data import CAMVID, CamVidData
from feedbackward.data.files import read_image
from feedbackward.exporting import export, load_exported
from feedbackward.nn import DenseCRF
from feedbackward.preprocessing import Preprocessing, Resize
from feedbackward.segmenters import Predictor

SIZE = (36, 64)
SEEN = replace(Preprocessing.identity("RGB"), resize=Resize(size=SIZE))

pytestmark = [
    pytest.mark.filterwarnings("ignore:The '.*_dataloader' does not have many workers"),
    pytest.mark.filterwarnings("ignore:`isinstance.treespec, LeafSpec.` is deprecated"),
]


@pytest.fixture(scope="module")
def camvid(tmp_path_factory):
    """A root with two validation scenes of 72x96."""
    root, rng = tmp_path_factory.mktemp("camvid"), np.random.default_rng(0)
    for folder in ("val", "valannot"):
        (root / folder).mkdir()
    for name in ("a", "b"):
        coarse = Image.fromarray(rng.integers(0, 256, (9, 12, 3), dtype=np.uint8))
        coarse.resize((96, 72), Image.Resampling.BICUBIC).save(root / "val" / f"{name}.png")
        mask = rng.integers(0, 12, (72, 96), dtype=np.uint8)
        Image.fromarray(mask).save(root / "valannot" / f"{name}.png")
    return root


class Collect(Callback):
    """Keeps the predictions of a validation by name."""

    def __init__(self):
        self.predictions = {}

    def on_validation_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):
        self.predictions[batch["name"][0]] = outputs["prediction"][0].numpy()


@pytest.fixture
def validated(make_trainer, camvid):
    """Validates at a size out of proportion and returns the predictions."""

    def _validated(task):
        collect = Collect()
        data = CamVidData(root=camvid, size=SIZE, num_workers=0)
        make_trainer(callbacks=[collect]).validate(task, data, verbose=False)
        assert collect.predictions.keys() == {"a", "b"}
        return collect.predictions

    return _validated


def assert_predicted(predictions, predictor, camvid):
    for name, prediction in predictions.items():
        np.testing.assert_array_equal(predictor.predict(read_image(camvid / "val" / f"{name}.png")), prediction)
        assert len(np.unique(prediction)) > 1


def test_validation_scores_what_predict_writes(make_task, validated, camvid):
    task = make_task(class_table=CAMVID, preprocessing=SEEN)
    assert_predicted(validated(task), Predictor(task.network), camvid)


def test_validation_with_a_crf_scores_what_predict_writes(make_task, validated, camvid):
    crf = DenseCRF(iterations=2)
    task = make_task(class_table=CAMVID, preprocessing=SEEN, crf=crf)
    assert_predicted(validated(task), Predictor(task.network, crf=crf), camvid)


@pytest.mark.usefixtures("exporting")
def test_an_exported_file_is_validated_and_predicted_like_its_network(make_task, validated, camvid, tmp_path):
    task = make_task(class_table=CAMVID, preprocessing=SEEN)
    task.network.class_table = CAMVID
    export(task.network, tmp_path / "network.onnx")
    exported = load_exported(tmp_path / "network.onnx")
    of_the_network = Predictor(task.network)
    task.segmenter = exported
    assert_predicted(validated(task), Predictor(exported), camvid)
    for path in (camvid / "val").iterdir():
        image = read_image(path)
        logits = Predictor(exported).logits([image])
        np.testing.assert_allclose(logits, of_the_network.logits([image]), atol=1e-4)


@pytest.mark.usefixtures("exporting")
def test_an_exported_file_computes_the_same_with_and_without_torch(make_task, camvid, tmp_path):
    task = make_task(class_table=CAMVID)
    export(task.network, tmp_path / "network.onnx")
    image = read_image(camvid / "val" / "a.png")
    in_numpy = Predictor(load_exported(tmp_path / "network.onnx")).logits([image])
    in_torch = Predictor(task.network).logits([image])
    np.testing.assert_allclose(in_numpy, in_torch, atol=1e-4)
