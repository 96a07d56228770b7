"""Several tasks on one backbone in one pass: the encoder runs once, then the decoder of each task.

Each task is a feedbackward network with the same frozen encoder, such as an adapter on a common backbone.
"""

import copy
from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import Tensor, fx, nn

from feedbackward.errors import InputError
from feedbackward.models.feedbackward import Feedbackward, pad, upsample
from feedbackward.models.image_classifier import ImageClassifier
from feedbackward.models.optimized import PASSES, Weights
from feedbackward.nn import Coarse
from feedbackward.passes import apply_passes
from feedbackward.task import Task

CLASSES = "image_classes"
"""The name of the classes of whole images among the tasks."""
RESERVED = {CLASSES, "image"}
"""The names that no task may have: the latter is the input of exported files."""


class TaskNetwork(nn.Module):
    """Several feedbackward networks with the same encoder, for inference only.

    As a segmenter its logits are those of all tasks, one after another along the class axis.

    Args:
        networks: The networks by the names of their tasks; they are not modified.
        weights: See `optimize`: "memory" stores each weight once for all tasks.
        classifier: The encoder's own classifier of whole images, if its classes are wanted too.

    Attributes:
        tasks: The tasks in order.
        preprocessing: How images are read, resized and normalized, the same for all tasks.
        smallest: The smallest height and width that an exported file accepts.

    Raises:
        InputError: If there is no network, their encoders or their preprocessing differ, an encoder's norms were
            trained for its task, or the classes of a network overlap.
    """

    def __init__(
        self,
        networks: Mapping[str, Feedbackward],
        *,
        weights: Weights = "memory",
        classifier: ImageClassifier | None = None,
    ) -> None:
        super().__init__()
        _check(networks)
        first = next(iter(networks.values()))
        self.tasks = tuple(Task(name, network.classes, network.class_table) for name, network in networks.items())
        self.preprocessing = first.preprocessing
        self.smallest = max(network.smallest for network in networks.values())
        self.sizes = first.sizes
        self.config = {
            "model": "tasks",
            "preprocessing": self.preprocessing.to_dict(),
            "tasks": {name: network.config for name, network in networks.items()},
        }
        root = nn.Module()
        root.encoder = copy.deepcopy(first.encoder)
        root.decoders = nn.ModuleList(copy.deepcopy(network.decoder) for network in networks.values())
        root.eval().requires_grad_(False)
        joined = _joined(list(networks.values()), with_feature=classifier is not None)
        self.decode = apply_passes(joined, root, PASSES[weights])
        self.classifier = classifier
        if classifier is not None:
            classifier.share(root.encoder)
        self.heads = nn.ModuleList(copy.deepcopy(network.head) for network in networks.values())
        self.eval().requires_grad_(False)

    @property
    def classes(self) -> int:
        """The number of classes of all tasks."""
        return sum(task.classes for task in self.tasks)

    class_table = None
    outputs_logits = True

    @property
    def device(self) -> torch.device:
        """The device of its weights."""
        return next(self.parameters()).device

    def padded_size(self, size: tuple[int, int]) -> tuple[int, int]:
        """The size itself: the network pads images where it needs to."""
        return size

    def coarse_logits(self, _: Float[Tensor, "n c h w"], /) -> Coarse | None:
        """None: the decoders of the tasks end at strides of their own."""
        return None

    def logits(self, image: Float[Tensor, "n c h w"]) -> Float[Tensor, "n classes h w"]:
        """The logits of preprocessed images, of all tasks one after another."""
        by_task = self(image)
        return torch.cat([by_task[task.name] for task in self.tasks], dim=1)

    @torch.no_grad()
    def forward(self, image: Float[Tensor, "n c h w"]) -> dict[str, Tensor]:
        """The logits of preprocessed images of any height and width.

        Returns:
            Logits (N, classes, H, W) of each task by its name, and under CLASSES, if there is a classifier, those of
            the whole images (N, classes).
        """
        padded = pad(image, self.sizes)
        if self.classifier is not None and padded.shape != image.shape:
            raise InputError(
                f"images of {image.shape[-2]}x{image.shape[-1]} are padded, which changes the classes of whole images; "
                f"resize them to multiples of {self.sizes.multiple}, and {self.sizes.minimum} or more"
            )
        signals = self.decode(padded)
        logits = {
            task.name: upsample(head(signal), padded, image)
            for task, head, signal in zip(self.tasks, self.heads, signals, strict=False)
        }
        if self.classifier is not None:
            logits[CLASSES] = self.classifier(signals[-1])
        return logits


def _check(networks: Mapping[str, Feedbackward]) -> None:
    if not networks:
        raise InputError("no task; give at least one network")
    for name in RESERVED & networks.keys():
        raise InputError(f"a task cannot be named {name}, as another input or output is; rename it")
    (name, first), *others = networks.items()
    for other, network in networks.items():
        if network.config["encoder_name"] is None:
            raise InputError(f"{other}: its encoder is a module of your own; tasks share one of timm's encoders")
        if network.tasks:
            raise InputError(f"{other}: its classes overlap, and are {len(network.tasks)} tasks already; load it alone")
        if network.trained_norms():
            raise InputError(f"{other}: its encoder's norms were trained for it, so that it cannot share the encoder")
    for other, network in others:
        for option in ("encoder_name", "encoder_norm", "in_channels"):
            expected, found = (str(each.config[option]).partition(".")[0] for each in (first, network))
            if found != expected:
                raise InputError(
                    f"{name} and {other} cannot run in one pass: their values of {option} are {expected} and {found}; "
                    f"run them one after the other"
                )
        ours, theirs = vars(first.preprocessing), vars(network.preprocessing)
        if differing := [
            f"{key}: {ours[key]} for {name}, {theirs[key]} for {other}" for key in ours if ours[key] != theirs[key]
        ]:
            raise InputError(
                f"{name} and {other} cannot run in one pass: they read, resize or normalize images differently "
                f"({'; '.join(differing)}); run them one after the other"
            )
        if first.encoder.state_dict().keys() != network.encoder.state_dict().keys():
            raise InputError(
                f'{name} and {other} cannot run in one pass: only one of them has retrace="stages", which leaves '
                f"out the encoder's last layer; run them one after the other"
            )
        if not same_tensors(first.encoder, network.encoder):
            raise InputError(f"{name} and {other} cannot run in one pass: their encoders have other weights")


def same_tensors(first: nn.Module, second: nn.Module) -> bool:
    """Whether two modules have the same tensors under the same names."""
    expected, found = first.state_dict(), second.state_dict()
    return expected.keys() == found.keys() and all(torch.equal(expected[key], found[key]) for key in expected)


def _joined(networks: list[Feedbackward], *, with_feature: bool) -> fx.Graph:
    """One graph with the encoder's nodes once and the decoder nodes of each network.

    It returns the inputs of the heads and, on request, the encoder's last feature.
    """
    graph, shared, outputs = fx.Graph(), list[fx.Node](), list[fx.Node]()
    for number, network in enumerate(networks):
        decoder_graph = network.decoder_graph()
        nodes = list(decoder_graph.graph.nodes)
        count = nodes.index(decoder_graph.feature) + 1  # the encoder's nodes, the same in every graph
        copies = dict(zip(nodes[:count], shared, strict=True)) if shared else {}
        for node in nodes[len(copies) : -1]:
            copies[node] = graph.node_copy(node, copies.__getitem__)
            target = str(node.target)
            if node.op == "call_module" and target.startswith("decoder."):
                copies[node].target = f"decoders.{number}.{target.removeprefix('decoder.')}"
        shared = shared or [copies[node] for node in nodes[:count]]
        (output,) = nodes[-1].all_input_nodes
        outputs.append(copies[output])
    graph.output((*outputs, shared[-1]) if with_feature else tuple(outputs))
    graph.lint()
    return graph
