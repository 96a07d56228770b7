"""Cutting off a classification head, so that any convnet ends at features laid out as an image."""

from torch import fx, nn

from feedbackward.transform.registry import UnsupportedOperationsError
from feedbackward.transform.rules import kind_of
from feedbackward.transform.shapes import ALIGNED_SIZE, ODD_SIZE, REFERENCE_SIZE, InputSizes, MetaCopy, ShapeInfo
from feedbackward.transform.walk import nodes_after


def without_head(traced: fx.GraphModule, *, channels: int, name: str) -> fx.GraphModule:
    """Cut a traced network off after its last value laid out as an image, (N, C, H, W).

    Args:
        traced: A traced network.
        channels: The number of image channels.
        name: The name of the network's class, for messages.

    Returns:
        The same network without its head. The head may require a fixed image size, as a linear layer on flattened
        features does.

    Raises:
        UnsupportedOperationsError: If the network contains no convolution, or does not run up to its last one.
    """
    layers = [node for node in traced.graph.nodes if kind_of(node, traced) == "layer"]
    meta_copy = MetaCopy(traced, traced.graph)
    reference, error = meta_copy.shapes_until_error(REFERENCE_SIZE, channels=channels)
    other, other_error = max(
        (meta_copy.shapes_until_error(size, channels=channels, batch=3) for size in (ODD_SIZE, ALIGNED_SIZE)),
        key=lambda result: len(result[0]),
    )
    shapes = ShapeInfo(reference, other, InputSizes(minimum=1, multiple=1))
    known = {node for node in reference if node in other}
    images = {node for node in known if node.op != "placeholder" and shapes.is_image(node)}
    # A layer on pooled values belongs to a gate or to the head; one that was not reached may belong to the encoder.
    convolutions = [node for node in layers if node in images or (node not in known and not _is_matrix(node, traced))]
    if not convolutions:
        raise UnsupportedOperationsError(
            f"{name} contains no convolution on images; an encoder is a convnet: choose another module",
            reasons=("contains no convolution",),
        )
    order = list(traced.graph.nodes)
    feature = next((node for node in reversed(order) if node in images), None)
    if feature is None or order.index(feature) < order.index(convolutions[-1]):
        raise UnsupportedOperationsError(
            f"{name} does not run up to its last convolution on images of every size, such as "
            f"{REFERENCE_SIZE[0]}x{REFERENCE_SIZE[1]} with {channels} channels: {error or other_error}; an encoder "
            f"takes images of any size",
            reasons=("does not run on images of every size",),
        )
    return end_at(traced, feature)


def end_at(traced: fx.GraphModule, feature: fx.Node) -> fx.GraphModule:
    """Cut a traced network off after one of its values, without the modules of what came after it.

    Its graph is changed: use only what is returned.
    """
    for node in reversed(nodes_after(feature)):
        traced.graph.erase_node(node)
    traced.graph.output(feature)
    traced.graph.lint()
    shortened = fx.GraphModule(traced, traced.graph)
    shortened.train(traced.training)
    return shortened


def _is_matrix(node: fx.Node, root: nn.Module) -> bool:
    return node.op == "call_module" and isinstance(root.get_submodule(str(node.target)), nn.Linear)
