"""The table of rules: for each operation of an encoder, what it does to the signal on the way back."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from torch import fx, nn

from feedbackward.errors import InputError

Target = type[nn.Module] | Callable[..., Any] | str
"""An operation as fx names it: the class of a module, a function, or the name of a tensor method."""

Signals = list[tuple[Any, fx.Node]]
"""What a rule returns: pairs of an encoder's value and the signal that flows back to it."""

Rule = Callable[..., Signals]
"""Called with a Step and the arguments that the encoder's own operation had."""


class UnsupportedOperationsError(InputError):
    """The encoder cannot be run backward; the message lists every operation for which there is no rule.

    Args:
        message: For the user.
        reasons: What stands against it, in a few words each: the operations without a rule; the message if not given.
    """

    def __init__(self, message: str, *, reasons: Iterable[str] = ()) -> None:
        super().__init__(message)
        self.reasons = tuple(reasons) or (message,)


class NoRuleError(Exception):
    """Raised by a rule whose operation came in a form that it does not cover."""


class Registry:
    """A lookup from operation to rule; a class is found by itself alone, never by its bases."""

    def __init__(self) -> None:
        self._rules: dict[Target, Rule] = {}

    def rule(self, *targets: Target) -> Callable[[Rule], Rule]:
        """Register the decorated function for these operations.

        Raises:
            ValueError: If an operation has a rule already.
        """

        def register(function: Rule) -> Rule:
            for target in targets:
                if target in self._rules:
                    raise ValueError(
                        f"{describe(target)} has the rule {self._rules[target].__name__} already; "
                        f"one operation has one rule: change that one"
                    )
                self._rules[target] = function
            return function

        return register

    def __contains__(self, target: Target) -> bool:
        return target in self._rules

    def __getitem__(self, target: Target) -> Rule:
        try:
            return self._rules[target]
        except KeyError:
            raise KeyError(f"no rule for {describe(target)}") from None

    def __iter__(self) -> Iterator[tuple[Target, Rule]]:
        return iter(self._rules.items())


def target_of(node: fx.Node, root: nn.Module) -> Target:
    """The operation of a traced node: the class of its module, its function, or the name of its method."""
    if node.op == "call_module":
        return type(root.get_submodule(str(node.target)))
    return node.target


def describe(target: Target) -> str:
    """A name that a reader can look up: torch.nn.modules.conv.Conv2d, torch.add, Tensor.view."""
    if isinstance(target, str):
        return f"Tensor.{target}"
    module = getattr(target, "__module__", None) or "torch"
    return f"{module.lstrip('_')}.{target.__name__}"


def refuse(nodes: Mapping[fx.Node, str], root: nn.Module) -> UnsupportedOperationsError:
    """The one error that lists every node without a rule, and what its rule does not cover where there is one."""
    operations = {node.name: describe(target_of(node, root)) for node in nodes}
    lines = [f"  {node.name}: {operations[node.name]}{f' ({why})' if why else ''}" for node, why in nodes.items()]
    return UnsupportedOperationsError(
        f"this encoder cannot be run backward, because there is no rule for {len(lines)} of its operations:\n"
        + "\n".join(lines)
        + "\nchoose another encoder, or add a rule for each of them (CONTRIBUTING.md, How to add a rule)",
        reasons=sorted(set(operations.values())),
    )


REGISTRY = Registry()
rule = REGISTRY.rule
