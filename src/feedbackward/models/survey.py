"""Decoder support and cost of architectures of timm, found by building them on the meta device."""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any

import timm
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from feedbackward.decoder_config import DecoderConfig
from feedbackward.models.catalog import CLASSES, SIZE, Catalog, EncoderRecord, Kind
from feedbackward.models.costs import flops, parameters
from feedbackward.models.encoder import create_encoder
from feedbackward.models.feedbackward import Feedbackward
from feedbackward.models.origin import timm_origin
from feedbackward.transform import UnsupportedOperationsError


def survey(name: str) -> EncoderRecord:
    """Decoder support and cost of one architecture, without weights.

    Args:
        name: timm's name.
    """
    with torch.device("meta"):
        encoder = create_encoder(name, weights=None, in_channels=3).eval()
        # All parameters of the features; below, only those that the trace uses, if the encoder can be traced.
        found: dict[str, Any] = {
            "name": name,
            "family": type(encoder).__module__.rpartition(".")[2],
            "kind": _kind(timm.create_model(name, num_classes=0).eval()),
            "encoder_parameters": sum(weight.numel() for weight in encoder.parameters()),
            "license": weights_license(name),
        }
        try:
            network = Feedbackward(encoder, classes=CLASSES, decoder=DecoderConfig(retrace="all")).eval()
            graph = network.decoder_graph()
        except UnsupportedOperationsError as error:
            return EncoderRecord(**found, refused=error.reasons)
        counts = parameters(network)
        found["encoder_parameters"] = counts["encoder"]
        return EncoderRecord(
            **found,
            decoder_parameters=counts["decoder"],
            head_parameters=counts["head"],
            output_strides=graph.strides,
            output_stride=graph.stride,
            gflops=round(flops(network, SIZE) / 1e9, 2),
        )


def weights_license(name: str) -> str | None:
    """The license of timm's default pretrained weights; None if an architecture has none."""
    return timm_origin(name).license if timm.is_model_pretrained(name) else None


def measure_encoders(names: Sequence[str], *, processes: int, on_encoder: Callable[[str], object]) -> Catalog:
    """Survey architectures without weights, in several processes.

    Args:
        names: timm's names.
        processes: Number of processes.
        on_encoder: Called with each name after it is measured.

    Raises:
        RuntimeError: If one of them fails in its own forward pass; the message names it.
    """
    # torch's threads do not survive a fork.
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        records = list(_noted(pool.map(_surveyed, names), on_encoder))
    return Catalog(timm.__version__, tuple(sorted(records, key=lambda record: record.name)))


def _surveyed(name: str) -> EncoderRecord:
    try:
        return survey(name)
    except Exception as error:
        raise RuntimeError(f"{name} could not be run: {type(error).__name__}: {error}") from error


def _noted(records: Iterable[EncoderRecord], on_encoder: Callable[[str], object]) -> Iterable[EncoderRecord]:
    for record in records:
        on_encoder(record.name)
        yield record


def _kind(encoder: nn.Module) -> Kind:
    convolves = any(
        kernel > stride
        for layer in encoder.modules()
        if isinstance(layer, nn.Conv2d)
        for kernel, stride in zip(layer.kernel_size, layer.stride, strict=True)
    )
    attends = _attends(encoder)
    if convolves:
        return "hybrid" if attends else "convolutional"
    return "attention" if attends else "other"


def _attends(encoder: nn.Module) -> bool:
    """Whether feature maps are multiplied as matrices, judged by the operations that are dispatched.

    A product with a vector, as in global context pooling, does not mix pixels with each other.
    """
    size = encoder.pretrained_cfg["input_size"]  # type: ignore[index]
    with _Products() as products, torch.no_grad():
        encoder.forward_features(torch.empty(1, *size))  # type: ignore[operator]
    return bool(products.found)


class _Products(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Records whether a batched matrix product or a fused attention operation is dispatched."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.found = False

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = func.overloadpacket.__name__
        if name in ("bmm", "baddbmm"):
            matrices: list[Tensor] = [value for value in args if isinstance(value, Tensor)][-2:]
            self.found |= 1 not in (matrices[0].shape[1], matrices[1].shape[2])
        self.found |= name.startswith("_scaled_dot_product")
        return func(*args, **(kwargs or {}))
