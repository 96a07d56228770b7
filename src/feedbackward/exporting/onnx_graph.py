"""The nodes and constants of an ONNX graph by name, to read and to change them."""

from collections.abc import Iterable
from typing import Any

from numpy.typing import NDArray


class OnnxGraph:
    """A graph that is changed in place.

    Args:
        graph: The graph of an ONNX model.

    Attributes:
        nodes: Its nodes in the order in which they run; `save` writes them back.
        constants: The values of its initializers; `save` writes them back.
    """

    def __init__(self, graph: Any) -> None:
        from onnx.numpy_helper import to_array

        self._graph = graph
        self.nodes = list(graph.node)
        self.constants: dict[str, NDArray[Any]] = {tensor.name: to_array(tensor) for tensor in graph.initializer}
        self.inputs = [value.name for value in graph.input]
        self.outputs = [value.name for value in graph.output]

    def producers(self) -> dict[str, Any]:
        """The node of each value that a node computes."""
        return {name: node for node in self.nodes for name in node.output}

    def computed(self, name: str) -> NDArray[Any] | None:
        """The value of a constant, or of nodes that read constants alone; None if it depends on an input."""
        from onnx.reference import ReferenceEvaluator

        if name in self.constants:
            return self.constants[name]
        node = self.producers().get(name)
        if node is None:
            return None
        values = {each: self.computed(each) for each in node.input}
        if any(value is None for value in values.values()):
            return None
        outputs: Any = ReferenceEvaluator(node).run(None, values)
        result: NDArray[Any] = outputs[0]
        return result

    def readers(self, name: str) -> list[Any]:
        """The nodes that read a value."""
        return [node for node in self.nodes if name in node.input]

    def replace(self, node: Any, others: Iterable[Any] = ()) -> None:
        """Replace a node by others, or remove it."""
        index = self.nodes.index(node)
        self.nodes[index : index + 1] = others

    def save(self) -> None:
        """Write nodes and constants back, without those that no output depends on."""
        from onnx.numpy_helper import from_array

        read, kept = set(self.outputs), []
        for node in reversed(self.nodes):
            if read.intersection(node.output):
                kept.append(node)
                read.update(filter(None, node.input))  # omitted ones have empty names
        del self._graph.node[:], self._graph.initializer[:], self._graph.value_info[:]
        self._graph.node.extend(reversed(kept))
        constants = ((name, values) for name, values in self.constants.items() if name in read)
        self._graph.initializer.extend(from_array(values, name) for name, values in constants)
