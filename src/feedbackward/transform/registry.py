"""The table of rules: for each operation of an encoder, what the decoder does to the signal there."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from torch import fx, nn

from feedbackward.errors import InputError

Target: TypeAlias = type[nn.Module] | Callable[..., Any] | str
"""An operation as fx names it: the class of a module, a function, or the name of a tensor method."""

Signals: TypeAlias = list[tuple[Any, fx.Node]]
"""Result of a rule: pairs of an encoder value and the signal that flows back to it."""

Rule: TypeAlias = Callable[..., Signals]
"""Called with a Step and the arguments of the encoder's own operation."""

Kind: TypeAlias = Literal["layer", "norm", "activation", "identity", "pool", "other"]
"""The kind of an operation, which explanations, checkpointing and the other passes need to know.

"layer": has a weight that the decoder shares. "norm": normalizes. "activation": maps each value by itself and has a
skip connection after it in the decoder. "identity": returns its input, ignoring dropout and dtype. "pool": reduces the
resolution; as the last operation of an encoder it is the paper's U-turn.
"""


class UnsupportedOperationsError(InputError):
    """The encoder cannot be decoded; the message lists every operation without a rule.

    Args:
        message: For the user.
        reasons: The causes in short, such as the operations without a rule; by default the message.
    """

    def __init__(self, message: str, *, reasons: Iterable[str] = ()) -> None:
        super().__init__(message)
        self.reasons = tuple(reasons) or (message,)


class NoRuleError(Exception):
    """Raised by a rule that does not support the way its operation is called."""


@dataclass(frozen=True)
class _Entry:
    rule: Rule
    kind: Kind


class Registry:
    """Maps operations to rules. A module class needs its own entry: it does not inherit its base class's rule."""

    def __init__(self) -> None:
        self._entries: dict[Target, _Entry] = {}

    def rule(self, *targets: Target, kind: Kind = "other") -> Callable[[Rule], Rule]:
        """Register the decorated function for these operations.

        Args:
            targets: The operations.
            kind: Their kind.

        Raises:
            ValueError: If an operation already has a rule.
        """

        def register(function: Rule) -> Rule:
            for target in targets:
                if target in self._entries:
                    raise ValueError(
                        f"{describe(target)} already has the rule {self._entries[target].rule.__name__}; "
                        f"change that rule instead"
                    )
                self._entries[target] = _Entry(function, kind)
            return function

        return register

    def kind(self, target: Target) -> Kind | None:
        """The kind of an operation; None if it has no rule."""
        entry = self._entries.get(target)
        return None if entry is None else entry.kind

    def __contains__(self, target: Target) -> bool:
        return target in self._entries

    def __getitem__(self, target: Target) -> Rule:
        try:
            return self._entries[target].rule
        except KeyError:
            raise KeyError(f"no rule for {describe(target)}") from None

    def __iter__(self) -> Iterator[tuple[Target, Rule]]:
        return ((target, entry.rule) for target, entry in self._entries.items())


def target_of(node: fx.Node, root: nn.Module) -> Target:
    """The operation of a traced node: the class of its module, its function, or the name of its method."""
    if node.op == "call_module":
        return type(root.get_submodule(str(node.target)))
    return node.target


def kind_of(node: fx.Node, root: nn.Module) -> Kind | None:
    """The kind of a node's operation; None if it has no rule."""
    return REGISTRY.kind(target_of(node, root))


def describe(target: Target) -> str:
    """A name that a reader can look up: torch.nn.modules.conv.Conv2d, torch.add, Tensor.view."""
    if isinstance(target, str):
        return f"Tensor.{target}"
    module = getattr(target, "__module__", None) or "torch"
    return f"{module.lstrip('_')}.{target.__name__}"


def refuse(nodes: Mapping[fx.Node, str], root: nn.Module) -> UnsupportedOperationsError:
    """The error that lists every node without a rule and every call that its rule does not support."""
    operations = {node.name: describe(target_of(node, root)) for node in nodes}
    lines = [f"  {node.name}: {operations[node.name]}{f' ({why})' if why else ''}" for node, why in nodes.items()]
    return UnsupportedOperationsError(
        f"this encoder cannot be decoded: there is no rule for {len(lines)} of its operations:\n"
        + "\n".join(lines)
        + "\nchoose another encoder, or add a rule for each of them (CONTRIBUTING.md, How to add a rule)",
        reasons=sorted(set(operations.values())),
    )


REGISTRY = Registry()
rule = REGISTRY.rule
