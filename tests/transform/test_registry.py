"""The lookup from operation to rule."""

import pytest
import torch
from torch import nn

from feedbackward.transform.registry import Registry, describe


def test_an_operation_has_one_rule() -> None:
    rules = Registry()

    @rules.rule(nn.ReLU, torch.relu, "relu")
    def first(step: object) -> list[tuple[object, object]]:
        return []

    assert all(rules[target] is first for target in (nn.ReLU, torch.relu, "relu"))
    with pytest.raises(ValueError, match=r"torch\.relu already has the rule first"):
        rules.rule(torch.relu)(first)


def test_an_operation_has_the_kind_of_its_decorator() -> None:
    rules = Registry()
    rules.rule(nn.ReLU, kind="activation")(lambda step: [])
    rules.rule(nn.Conv2d)(lambda step: [])
    assert (rules.kind(nn.ReLU), rules.kind(nn.Conv2d), rules.kind(nn.Linear)) == ("activation", "other", None)


def test_a_subclass_does_not_inherit_a_rule() -> None:
    rules = Registry()
    rules.rule(nn.Conv2d)(lambda step: [])

    class Standardized(nn.Conv2d):
        pass

    assert Standardized not in rules
    with pytest.raises(KeyError, match=r"no rule for .*Standardized"):
        rules[Standardized]


def test_operations_have_names_that_can_be_looked_up() -> None:
    assert describe(nn.Conv2d) == "torch.nn.modules.conv.Conv2d"
    assert describe(torch.cat) == "torch.cat"
    assert describe("view") == "Tensor.view"
