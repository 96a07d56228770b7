"""Attention: the encoder's own attention weights, applied to the signal in place of the value.

The value and output projections around it are linear layers with their own rule; queries and keys, from which the
attention weights are computed, get no signal.
"""

import operator
from typing import Any

import torch
import torch.nn.functional as F
from torch import fx, nn

from feedbackward.transform.registry import NoRuleError, Signals, Target, rule
from feedbackward.transform.step import Step

SOFTMAX: set[Target] = {nn.Softmax, F.softmax, torch.softmax, "softmax"}


@rule(F.scaled_dot_product_attention)
def attention(
    step: Step, query: fx.Node, key: fx.Node, value: fx.Node, attn_mask: Any = None, **options: Any
) -> Signals:
    """The encoder's attention weights on the signal, transposed if permute is "possible" or they are not square."""
    if options.get("enable_gqa"):
        raise NoRuleError("grouped-query attention")
    if step.config.permute == "possible" or not step.same_length(query, -2, key, -2):
        query, key = key, query
        attn_mask = attn_mask if attn_mask is None else step.emit("transpose", attn_mask, -2, -1)
    back = step.emit(F.scaled_dot_product_attention, query, key, step.signal, attn_mask, **options)
    if step.shape(value)[-3] < step.shape(step.node)[-3]:  # all heads share the values
        back = step.emit("sum", back, -3, keepdim=True)
    return [(value, back)]


@rule(operator.matmul, torch.matmul)
def product(step: Step, left: fx.Node, right: fx.Node) -> Signals:
    """Multiplication by the same attention weights, transposed if permute is "possible" or they are not square."""
    if _is_attention(step, left) == _is_attention(step, right):
        raise NoRuleError("exactly one operand must be attention weights")
    attention, value = (left, right) if _is_attention(step, left) else (right, left)
    if step.config.permute == "possible" or not step.same_length(attention, -1, attention, -2):
        attention = step.emit("transpose", attention, -2, -1)
    factors = (attention, step.signal) if value is right else (step.signal, attention)
    return [(value, step.emit(torch.matmul, *factors))]


def _is_attention(step: Step, value: fx.Node) -> bool:
    """Whether a value is the output of a softmax, or its transpose."""
    value = step.origin(value)
    if step.target_of(value) == "transpose":
        return _is_attention(step, value.all_input_nodes[0])
    return step.target_of(value) in SOFTMAX
