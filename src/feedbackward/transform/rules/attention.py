"""Attention: the encoder's own map, applied to the signal in place of the value that it was made for.

The value and output projections around it are matrices with their own rule; queries and keys, which make the map,
get no signal.
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
    """The encoder's own map on the signal; from keys to queries where the policy says so or their numbers differ."""
    if options.get("enable_gqa"):
        raise NoRuleError("heads that share keys and values in groups")
    if step.policy.permute == "possible" or not step.as_long(query, -2, key, -2):
        query, key = key, query
        attn_mask = attn_mask if attn_mask is None else step.emit("transpose", attn_mask, -2, -1)
    back = step.emit(F.scaled_dot_product_attention, query, key, step.signal, attn_mask, **options)
    if step.shape(value)[-3] < step.shape(step.node)[-3]:  # all heads have the same values
        back = step.emit("sum", back, -3, keepdim=True)
    return [(value, back)]


@rule(operator.matmul, torch.matmul)
def product(step: Step, left: fx.Node, right: fx.Node) -> Signals:
    """With a map behind a softmax: the same map on the signal, transposed where the policy says so or must."""
    if _is_map(step, left) == _is_map(step, right):
        raise NoRuleError("a product of matrices of which not just one is a map of attention")
    attention, value = (left, right) if _is_map(step, left) else (right, left)
    if step.policy.permute == "possible" or not step.as_long(attention, -1, attention, -2):
        attention = step.emit("transpose", attention, -2, -1)
    factors = (attention, step.signal) if value is right else (step.signal, attention)
    return [(value, step.emit(torch.matmul, *factors))]


def _is_map(step: Step, value: fx.Node) -> bool:
    """Whether a value is what a softmax has made, or that with its two sides exchanged."""
    value = step.origin(value)
    if step.target_of(value) == "transpose":
        return _is_map(step, value.all_input_nodes[0])
    return step.target_of(value) in SOFTMAX
