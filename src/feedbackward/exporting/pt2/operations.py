"""The operations that exported networks consist of: they compute tensors and sizes, and do nothing else."""

import math
import operator
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from feedbackward.errors import InputError

_TENSORS = "torch.ops.aten."
_NAMES = """
    _assert_scalar _assert_tensor_metadata _to_copy _upsample_bicubic2d_aa _upsample_bilinear2d_aa
    _upsample_nearest_exact2d abs adaptive_avg_pool1d adaptive_avg_pool2d adaptive_max_pool2d add add_ addcdiv addcmul
    addmm affine_grid_generator alias all alpha_dropout amax amin any arange argmax argmin atan atan2 avg_pool1d
    avg_pool2d avg_pool3d baddbmm batch_norm bitwise_and bitwise_not bitwise_or bitwise_xor bmm broadcast_to cat ceil
    celu celu_ channel_shuffle chunk clamp clamp_ clamp_max clamp_min clone col2im concat constant_pad_nd contiguous
    conv1d conv2d conv3d conv_transpose1d conv_transpose2d convolution cos cumsum detach detach_ div div_ dot dropout
    dropout_ einsum elu elu_ eq erf exp exp_ expand expand_as expm1 eye feature_dropout feature_dropout_ flatten flip
    floor floor_divide fmod full full_like gather ge gelu gelu_ glu grid_sampler grid_sampler_2d group_norm gt
    hardshrink hardsigmoid hardsigmoid_ hardswish hardswish_ hardtanh hardtanh_ im2col index index_select
    instance_norm isfinite isnan layer_norm le leaky_relu leaky_relu_ lerp lift_fresh_copy linalg_vector_norm linear
    linspace log log1p log2 log_sigmoid log_softmax logical_and logical_not logical_or logsumexp lt mT masked_fill
    masked_fill_ matmul max max_pool1d max_pool2d max_pool2d_with_indices max_unpool2d maximum mean meshgrid min
    minimum mish mish_ mm movedim mul mul_ mv nan_to_num narrow
    ne neg neg_ new_full new_ones new_zeros norm numpy_T ones ones_like pad permute pixel_shuffle pixel_unshuffle pow
    pow_ prelu prod reciprocal reflection_pad1d reflection_pad2d relu relu6 relu6_ relu_ remainder repeat
    repeat_interleave replication_pad2d reshape reshape_as rms_norm roll round rrelu rsqrt rsub scalar_tensor
    scaled_dot_product_attention select selu selu_ sigmoid sigmoid_ sign silu silu_ sin slice softmax softplus
    softshrink sort split split_with_sizes sqrt sqrt_ square squeeze stack std std_mean sub sub_ sum
    sym_constrain_range sym_constrain_range_for_size sym_numel sym_size sym_stride t tan tanh tanh_ threshold
    threshold_ tile to topk transpose trunc type_as unbind unflatten unfold unsqueeze unsqueeze_ upsample_bicubic2d
    upsample_bilinear2d upsample_linear1d upsample_nearest1d upsample_nearest2d var var_mean view view_as where zeros
    zeros_like
"""
ATEN = frozenset(_NAMES.split())
"""Names in torch.ops.aten. None opens a file or changes a tensor's storage. PyTorch checks the arguments of most, and
CHECKS has those of the others; what reads memory beyond its tensors even so, as native_batch_norm, is not here."""


def _check_attention(key: Tensor, value: Tensor, **_: Any) -> None:
    if key.shape[:-1] != value.shape[:-1]:
        raise ValueError(f"the attention has keys of shape {list(key.shape)} and values of {list(value.shape)}")


def _check_division(self: Tensor, other: Tensor | float, rounding_mode: str | None = None, **_: Any) -> None:
    # The smallest integer divided by -1 ends the process.
    if rounding_mode == "trunc" and not torch.result_type(self, other).is_floating_point:
        raise ValueError("it divides integers with rounding_mode='trunc'; use 'floor'")


def _check_sampling(interpolation_mode: int, padding_mode: int, **_: Any) -> None:
    if interpolation_mode not in (0, 1, 2) or padding_mode not in (0, 1, 2):
        raise ValueError(f"grid_sampler has no interpolation {interpolation_mode} with padding {padding_mode}")


CHECKS: dict[str, Callable[..., None]] = {
    "div": _check_division,
    "div_": _check_division,
    "grid_sampler": _check_sampling,
    "grid_sampler_2d": _check_sampling,
    "scaled_dot_product_attention": _check_attention,
}
"""What PyTorch does not check: functions of an operation's arguments, which raise a ValueError."""
_OPERATORS = ("add", "sub", "mul", "floordiv", "truediv", "mod", "neg", "eq", "ne", "lt", "le", "gt", "ge")
_OF_TORCH = ("sym_max", "sym_min", "sym_int", "sym_float", "sym_not", "sym_ite")
SIZES: dict[str, Callable[..., Any]] = {
    **{f"_operator.{name}": getattr(operator, name) for name in _OPERATORS},
    **{f"torch.{name}": getattr(torch, name) for name in _OF_TORCH},
    **{f"math.{name}": getattr(math, name) for name in ("trunc", "ceil", "floor")},
}
"""Operations on sizes and other numbers."""


def find_operation(target: str, path: Path) -> Callable[..., Any]:
    """The operation of a name in a file.

    Raises:
        InputError: If it is not on the list, or this PyTorch does not have it.
    """
    if target in SIZES:
        return SIZES[target]
    name, _, overload = target.removeprefix(_TENSORS).partition(".")
    if not target.startswith(_TENSORS) or name not in ATEN or "out" in overload.split("_"):
        raise InputError(
            f"{path} was not loaded: its operation {target[:80]!r} is not on the list of operations that .pt2 files "
            f"may call; export the network as .onnx"
        )
    packet: Any = getattr(torch.ops.aten, name, None)
    if packet is None or overload not in packet.overloads():
        raise InputError(f"{path}: this PyTorch ({torch.__version__}) has no operation {target[:80]!r}; use another")
    operation: Callable[..., Any] = getattr(packet, overload)
    return _checked(operation, CHECKS[name]) if name in CHECKS else operation


def _checked(operation: Callable[..., Any], check: Callable[..., None]) -> Callable[..., Any]:
    def call(**arguments: Any) -> Any:
        check(**arguments)
        return operation(**arguments)

    return call
