import weakref

import pytest
import torch
from lightning.pytorch import Callback
from torch import nn
from torch.nn import functional as F

from feedbackward.classes import ClassTable
from feedbackward.data.cityscapes_labels import CITYSCAPES
from feedbackward.decoder_config import DecoderConfig
from feedbackward.errors import InputError
from feedbackward.losses import CrossEntropyIoULoss, IoULoss
from feedbackward.metrics import CityscapesMetric
from feedbackward.nn import DenseCRF
from feedbackward.training.schedules import PolynomialDecay

# Warnings of Lightning and torch that do not apply to these few steps.
pytestmark = [
    pytest.mark.filterwarnings("ignore:The '.*_dataloader' does not have many workers"),
    pytest.mark.filterwarnings("ignore:The number of training batches"),
    pytest.mark.filterwarnings("ignore:`isinstance.treespec, LeafSpec.` is deprecated"),
    pytest.mark.filterwarnings("ignore:Be aware that when using `ckpt_path`"),
]


def confusion_by_hand(prediction, mask, classes):
    confusion = torch.zeros(classes, classes, dtype=torch.int64)
    for true, predicted in zip(mask.flatten().tolist(), prediction.flatten().tolist(), strict=True):
        if true != 255:
            confusion[true, predicted] += 1
    return confusion


def test_fit_learns(make_task, make_trainer, stripes):
    task, trainer = make_task(), make_trainer(max_epochs=6)
    for module in task.network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 0.5  # twelve steps are few for running statistics
    trainer.validate(task, stripes, verbose=False)
    before = dict(trainer.callback_metrics)
    trainer.fit(task, stripes)
    after = trainer.callback_metrics
    assert after["val/loss"] < 0.7 * before["val/loss"]
    assert after["val/mean_iou"] > before["val/mean_iou"] + 0.2


def test_scores_are_those_of_all_images_together(make_task, make_trainer, stripes):
    task, trainer = make_task(), make_trainer()
    trainer.validate(task, stripes, verbose=False)

    dataset, network = stripes.dataset("val"), task.network.eval()
    confusion, losses = torch.zeros(3, 3, dtype=torch.int64), []
    with torch.no_grad():
        for item in dataset:
            image, mask = item["image"][None], item["mask"][None]
            logits = network(network.preprocessing(image))
            logits = F.interpolate(logits, mask.shape[1:], mode="bilinear", align_corners=False)
            confusion += confusion_by_hand(logits.argmax(1), mask, 3)
            losses.append(logits)
        masks = torch.stack([item["mask"] for item in dataset])
        # The loss is a mean over batches, of two images and of one, weighted by their size.
        first = CrossEntropyIoULoss()(torch.cat(losses[:2]), masks[:2])
        second = CrossEntropyIoULoss()(losses[2], masks[2:])
    hits = confusion.diagonal().double()
    iou = hits / (confusion.sum(0) + confusion.sum(1) - hits)

    logged = trainer.callback_metrics
    means = {"val/mean_iou", "val/mean_dice", "val/mean_precision", "val/mean_accuracy"}
    assert set(logged) == {"val/loss", "val/pixel_accuracy", *means}
    torch.testing.assert_close(logged["val/mean_iou"], iou.nanmean(), check_dtype=False)
    torch.testing.assert_close(logged["val/pixel_accuracy"], hits.sum() / confusion.sum(), check_dtype=False)
    torch.testing.assert_close(logged["val/mean_accuracy"], (hits / confusion.sum(1)).nanmean(), check_dtype=False)
    torch.testing.assert_close(logged["val/loss"], (2 * first + second) / 3)
    assert task.results["val"].confusion == confusion.tolist()
    assert list(task.results["val"].per_class["iou"]) == ["red", "green", "blue"]


def test_the_crf_refines_the_scores_of_validate_and_not_of_fit(make_task, make_trainer, stripes):
    crf = DenseCRF(iterations=2)
    task = make_task(crf=crf)
    make_trainer(max_epochs=6, check_val_every_n_epoch=6).fit(task, stripes)
    in_fit = task.results["val"].confusion
    make_trainer().validate(task, stripes, verbose=False)
    refined = task.results["val"].confusion

    confusions = {"plain": torch.zeros(3, 3, dtype=torch.int64), "refined": torch.zeros(3, 3, dtype=torch.int64)}
    network = task.network.eval()
    with torch.no_grad():
        for item in stripes.dataset("val"):
            image, mask = item["image"][None], item["mask"][None]
            scores = network(network.preprocessing(image))
            for name, logits in (("plain", scores), ("refined", crf(scores, image))):
                logits = F.interpolate(logits, mask.shape[1:], mode="bilinear", align_corners=False)
                confusions[name] += confusion_by_hand(logits.argmax(1), mask, 3)
    assert in_fit == confusions["plain"].tolist()
    assert refined == confusions["refined"].tolist()
    assert refined != in_fit


def test_a_second_validation_starts_from_zero(make_task, make_trainer, stripes):
    task, trainer = make_task(), make_trainer()
    trainer.validate(task, stripes, verbose=False)
    first = task.results["val"]
    trainer.validate(task, stripes, verbose=False)
    assert task.results["val"] == first


def test_cityscapes_scores_are_added_if_the_data_has_ids(make_task, cityscapes_batch):
    task = make_task(class_table=CITYSCAPES, scoring="cityscapes").eval()
    task.log = lambda *args, **kwargs: None
    with torch.no_grad():
        prediction = task.validation_step(cityscapes_batch, 0)["prediction"]
    task.on_validation_epoch_end()

    reference = CityscapesMetric()
    reference.update(prediction, cityscapes_batch["label_ids"], cityscapes_batch["instance_ids"])
    expected = reference.compute()
    scalars = task.results["val"].scalars
    assert set(scalars) > {"iiou_class", "iou_category", "iiou_category"}
    assert scalars == pytest.approx(expected.scalars)
    assert list(task.results["val"].per_class["iiou"]) == list(CITYSCAPES.names)


def test_the_memory_of_a_validation_does_not_grow_with_its_length(make_task, cityscapes_batch):
    task = make_task(class_table=CITYSCAPES, scoring="cityscapes").eval()
    task.log = lambda *args, **kwargs: None

    def held():
        states = task.val_metric.metric_state.values()
        assert all(isinstance(value, torch.Tensor) for value in states)
        return sum(value.numel() for value in states)

    with torch.no_grad():
        task.validation_step(cityscapes_batch, 0)
        once = held()
        for index in range(5):
            task.validation_step(cityscapes_batch, index)
    assert held() == once


def test_a_validation_keeps_no_prediction(make_task, make_trainer, stripes):
    class Watch(Callback):
        alive = ()

        def on_validation_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):
            self.alive = (*self.alive, weakref.ref(outputs["prediction"]))

        def on_validation_epoch_end(self, trainer, pl_module):
            self.held = sum(tensor() is not None for tensor in self.alive)

    watch = Watch()
    make_trainer(callbacks=[watch]).validate(make_task(), stripes, verbose=False)
    assert len(watch.alive) == 2
    assert watch.held <= 1  # the trainer may still reference the last one
    assert [tensor() for tensor in watch.alive] == [None, None]


def test_bfloat16_and_gradient_accumulation(make_task, make_trainer, stripes):
    task = make_task()
    before = [parameter.clone() for parameter in task.parameters()]
    trainer = make_trainer(precision="bf16-mixed", accumulate_grad_batches=2, max_epochs=1)
    trainer.fit(task, stripes)
    assert trainer.global_step == 1  # two batches make one step
    assert any(not torch.equal(old, new) for old, new in zip(before, task.parameters(), strict=True))
    assert trainer.callback_metrics["train/loss"].isfinite()


def test_losses_see_float32_under_bfloat16(make_task):
    task = make_task()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert task(torch.rand(2, 3, 16, 24)).dtype == torch.float32


def test_channels_last_reaches_image_and_weights(make_task):
    task = make_task(channels_last=True).eval()
    seen = []
    task.network.register_forward_pre_hook(lambda module, args: seen.append(args[0]))
    image = torch.rand(2, 3, 16, 24)
    with torch.no_grad():
        logits = task(image)
        torch.testing.assert_close(logits, make_task().eval()(image), rtol=1e-4, atol=1e-4)
    assert seen[0].is_contiguous(memory_format=torch.channels_last)
    assert task.network.encoder.conv1.get_submodule("0").weight.is_contiguous(memory_format=torch.channels_last)


def test_checkpointing_changes_the_memory_and_not_the_gradients(make_task):
    gradients = []
    for checkpointing in (False, True):
        task = make_task(grad_checkpointing=checkpointing)
        task.log = lambda *args, **kwargs: None
        generator = torch.Generator().manual_seed(0)
        batch = {
            "image": torch.rand(2, 3, 16, 24, generator=generator),
            "mask": torch.zeros(2, 16, 24, dtype=torch.int64),
            "name": ["a", "b"],
        }
        kept = 0

        def note(tensor):
            nonlocal kept
            kept += tensor.nbytes
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
            loss = task.training_step(batch, 0)
        loss.backward()
        gradients.append((kept, {name: value.grad for name, value in task.named_parameters()}))
    (plain, expected), (sparing, found) = gradients
    assert sparing < plain
    torch.testing.assert_close(found, expected)


def test_a_batch_of_only_void_is_accepted(make_task):
    task = make_task()
    task.log = lambda *args, **kwargs: None
    batch = {"image": torch.rand(2, 3, 16, 24), "mask": torch.full((2, 16, 24), 255), "name": ["a", "b"]}
    loss = task.training_step(batch, 0)
    loss.backward()
    assert loss == 0
    assert all(parameter.grad.isfinite().all() for parameter in task.parameters())


def test_frozen_parameters_stay_out_of_the_optimizer(make_task):
    task = make_task()
    task.network.encoder.requires_grad_(False)
    optimizer = task.configure_optimizers()
    trained = sum(parameter.numel() for group in optimizer.param_groups for parameter in group["params"])
    assert trained == sum(parameter.numel() for parameter in task.parameters() if parameter.requires_grad)


def test_the_schedule_spans_the_training(make_task, make_trainer, stripes):
    task = make_task(scheduler=lambda optimizer: PolynomialDecay(optimizer, power=1.0))
    trainer = make_trainer(max_epochs=2)
    trainer.fit(task, stripes)
    assert trainer.lr_scheduler_configs[0].scheduler.steps == 4
    assert trainer.optimizers[0].param_groups[0]["lr"] == pytest.approx(0.0)


@pytest.mark.parametrize(("interval", "times"), [("step", 4), ("epoch", 2)])
def test_a_schedule_of_torch_has_its_own_arguments(interval, times, make_task, make_trainer, stripes):
    def exponential(optimizer):
        return torch.optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.5)

    trainer = make_trainer(max_epochs=2)
    trainer.fit(make_task(scheduler=exponential, scheduler_interval=interval), stripes)
    group = trainer.optimizers[0].param_groups[0]
    assert group["lr"] == pytest.approx(group["initial_lr"] * 0.5**times)


def test_a_schedule_without_an_end_is_refused(make_task, make_trainer, stripes):
    task = make_task(scheduler=PolynomialDecay)
    with pytest.raises(InputError, match=r"set trainer\.max_epochs"):
        make_trainer(max_epochs=-1).fit(task, stripes)
    task = make_task(scheduler=PolynomialDecay, scheduler_interval="epoch")
    with pytest.raises(InputError, match="PolynomialDecay counts steps; omit scheduler_interval"):
        make_trainer(max_epochs=1).fit(task, stripes)


def test_a_schedule_that_cannot_be_extended_is_refused(make_task, make_trainer, stripes, tmp_path):
    def cosine(steps):
        return lambda optimizer: torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)

    trainer = make_trainer(max_epochs=1)
    trainer.fit(make_task(scheduler=cosine(2)), stripes)
    trainer.save_checkpoint(tmp_path / "end.ckpt")
    with pytest.raises(InputError, match="has T_max 2, this run's 4; resume with T_max 2"):
        make_trainer(max_epochs=2).fit(make_task(scheduler=cosine(4)), stripes, ckpt_path=tmp_path / "end.ckpt")


def test_other_classes_are_refused_before_a_tensor_is_copied(make_task, make_trainer, stripes, tmp_path):
    trainer = make_trainer(max_epochs=1)
    trainer.fit(make_task(), stripes)
    trainer.save_checkpoint(tmp_path / "three.ckpt")

    two = make_task(class_table=ClassTable(("red", "green"), ((1, 1, 1), (2, 2, 2))))
    before = {name: tensor.clone() for name, tensor in two.state_dict().items()}
    with pytest.raises(InputError, match=r"3 classes \(red, green, blue\), but the data has 2 \(red, green\)"):
        make_trainer().validate(two, stripes, ckpt_path=tmp_path / "three.ckpt", weights_only=True)
    torch.testing.assert_close(two.state_dict(), before)


def test_another_network_is_refused(make_task, make_trainer, stripes, tmp_path):
    trainer = make_trainer(max_epochs=1)
    trainer.fit(make_task(), stripes)
    trainer.save_checkpoint(tmp_path / "two.ckpt")
    other = make_task(decoder=DecoderConfig(output_stride=1))
    with pytest.raises(InputError, match=r"decoder\.output_stride: 2 in the checkpoint, 1 here"):
        make_trainer().validate(other, stripes, ckpt_path=tmp_path / "two.ckpt", weights_only=True)


def test_checkpoints_contain_the_description_of_the_network(make_task, make_trainer, stripes, tmp_path, table):
    task, trainer = make_task(), make_trainer(max_epochs=1)
    trainer.fit(task, stripes)
    trainer.save_checkpoint(tmp_path / "end.ckpt")
    checkpoint = torch.load(tmp_path / "end.ckpt", weights_only=True)
    described = checkpoint["feedbackward"]["network"]
    assert described == task.network.describe()
    assert ClassTable.from_dict(described["class_table"]) == table
    tensors = {name.removeprefix("network."): value for name, value in checkpoint["state_dict"].items()}
    torch.testing.assert_close(tensors, dict(task.network.state_dict()))


def test_a_custom_loss(make_task):
    class Constant(nn.Module):
        def forward(self, logits, mask):
            return logits.sum() * 0 + 7

    task = make_task(loss=Constant())
    task.log = lambda *args, **kwargs: None
    batch = {"image": torch.rand(2, 3, 16, 24), "mask": torch.zeros(2, 16, 24, dtype=torch.int64)}
    assert task.validation_step(batch, 0)["loss"] == 7


def test_the_default_loss_has_the_ignore_index_of_the_classes(make_task):
    task = make_task(class_table=ClassTable(("red", "green"), ((1, 1, 1), (2, 2, 2)), ignore_index=7))
    logits, mask = torch.randn(1, 2, 4, 4), torch.zeros(1, 4, 4, dtype=torch.int64)
    mask[:, :2] = 7
    torch.testing.assert_close(task.loss(logits, mask), CrossEntropyIoULoss()(logits[:, :, 2:], mask[:, 2:]))


@pytest.mark.parametrize("loss", [IoULoss(), CrossEntropyIoULoss(), nn.Sequential(nn.CrossEntropyLoss())])
def test_a_loss_with_another_ignore_index_is_refused(make_task, loss):
    table = ClassTable(("red", "green"), ((1, 1, 1), (2, 2, 2)), ignore_index=7)
    with pytest.raises(InputError, match=r"Loss\) has ignore_index -?\d+, but the class table has 7; give the loss"):
        make_task(class_table=table, loss=loss)
