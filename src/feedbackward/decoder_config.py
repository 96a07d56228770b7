"""The options of the decoder: one dataclass that checks itself and is saved with a network."""

from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, TypeAlias, get_args

from feedbackward.errors import InputError, listed

Permute: TypeAlias = Literal["necessary", "possible"]
OutputStride: TypeAlias = int | Literal["auto", "fine", "image"]
OutputFeature: TypeAlias = Literal["first", "last"]
Retrace: TypeAlias = Literal["auto", "all", "transitions", "stages"]
HeadInput: TypeAlias = Literal["both", "sum"]
DecoderNorm: TypeAlias = Literal["batch", "group"]
Rank: TypeAlias = int | Literal["full"]
HeadStrides: TypeAlias = Literal["output", "all"]

MOST_CHANNELS, LARGEST_KERNEL = 2**16, 99
"""Options beyond these are mistakes, and a network with them could not be built."""
NAMED_STRIDES = {"auto": 4, "fine": 2}
"""The output strides that have names: an encoder without a feature of that stride gets the nearest one."""


@dataclass(frozen=True, kw_only=True)
class DecoderConfig:
    """The options of the decoder.

    The defaults are the best ones that we measured; PAPER contains the paper's values.

    Args:
        permute: Where channel axes are swapped: where "necessary", as the number of channels changes (the paper's PWN),
            or wherever "possible" (its PWP).
        output_stride: Where the decoder ends: at a feature of this stride, at the "image" as in the paper, "auto" at
            stride 4 or the nearest one, or "fine" at stride 2 or the nearest one.
        output_feature: Which feature of that stride: the "first" that the decoder reaches, the deepest, or the "last",
            nearest to the image.
        retrace: The layers in the decoder: "all" as in the paper, or the "transitions", which change resolution or
            channels. "stages" are the transitions at the lowest cost: convolutions run before they are upsampled, one
            skip connection at each stride joins the signal where it is first narrow, and a last layer of the encoder
            that only widens its features is left out. "auto" is "all", and "transitions" on a heavy encoder, such as
            resnet50.
        head_input: What the classifier reads: "both" signal and encoder feature, or their "sum" as in the paper.
        head_kernel_size: The kernel size of the classifier, an odd number; 1 in the paper.
        head_channels: The width of a classifier of three thin layers; 0 for the paper's single layer. The three are 1x1
            to this many channels, a depthwise-separable convolution, and a convolution to the classes, both of
            head_kernel_size. The single one is preceded by a depthwise one if head_kernel_size > 1.
        head_strides: The strides that it reads: that of the "output", or "all" coarser ones of the decoder too. The
            latter needs head_channels.
        rank: The rank of each layer's own update of its shared weight; 0, as in the paper, for none, "full" for a whole
            matrix. Depthwise layers have none.
        rank_channels: Layers with more output channels than this have no update.
        norm: The norm after each decoder layer: "batch" as in the paper, or "group" for small batches.

    Raises:
        InputError: If a value is not one of these.

    Example:
        >>> DecoderConfig(output_stride=2).permute
        'necessary'
    """

    permute: Permute = "necessary"
    output_stride: OutputStride = "auto"
    output_feature: OutputFeature = "first"
    retrace: Retrace = "auto"
    head_input: HeadInput = "both"
    head_kernel_size: int = 3
    head_channels: int = 0
    head_strides: HeadStrides = "output"
    rank: Rank = 0
    rank_channels: int = 320
    norm: DecoderNorm = "batch"

    def __post_init__(self) -> None:
        for name, kind in (
            ("permute", Permute),
            ("output_feature", OutputFeature),
            ("retrace", Retrace),
            ("head_input", HeadInput),
            ("head_strides", HeadStrides),
            ("norm", DecoderNorm),
        ):
            if getattr(self, name) not in get_args(kind):
                raise InputError(
                    f"{name}={getattr(self, name)!r}: expected one of {', '.join(map(repr, get_args(kind)))}"
                )
        if not (self.output_stride in (*NAMED_STRIDES, "image") or _is_between(self.output_stride, 1, MOST_CHANNELS)):
            raise InputError(
                f"output_stride={self.output_stride!r}: expected a stride such as 4, 'auto', 'fine' or 'image'"
            )
        if not _is_between(self.head_kernel_size, 1, LARGEST_KERNEL) or self.head_kernel_size % 2 == 0:
            raise InputError(
                f"head_kernel_size={self.head_kernel_size!r}: expected an odd number, such as 1 or 3, up to "
                f"{LARGEST_KERNEL}"
            )
        if not _is_between(self.head_channels, 0, MOST_CHANNELS):
            raise InputError(
                f"head_channels={self.head_channels!r}: expected a number of channels such as 64, or 0, up to "
                f"{MOST_CHANNELS}"
            )
        if self.head_strides == "all" and self.head_channels == 0:
            raise InputError("head_strides='all' needs a classifier of several layers: set head_channels, such as 64")
        if not (self.rank == "full" or _is_between(self.rank, 0, MOST_CHANNELS)):
            raise InputError(
                f"rank={self.rank!r}: expected a rank such as 16, 0 for none, or 'full', up to {MOST_CHANNELS}"
            )
        if not _is_between(self.rank_channels, 1, MOST_CHANNELS):
            raise InputError(f"rank_channels={self.rank_channels!r}: expected a number of channels such as 320")

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON data; from_dict is its inverse."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "DecoderConfig":
        """Build the options from the plain data of to_dict.

        Raises:
            InputError: If an option is unknown, missing, or has a wrong value.
        """
        if not isinstance(data, dict):
            raise InputError(f"the decoder's options are {data!r}; expected names with values")
        expected = {field.name for field in fields(cls)}
        if unknown := sorted(data.keys() - expected):
            raise InputError(f"unknown decoder options {listed(unknown)}; expected {listed(sorted(expected))}")
        if missing := sorted(expected - data.keys()):
            raise InputError(f"missing decoder options {listed(missing)}; expected {listed(sorted(expected))}")
        return cls(**data)


def _is_between(value: object, least: int, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


PAPER = DecoderConfig(
    output_stride="image",
    output_feature="last",
    retrace="all",
    head_input="sum",
    head_kernel_size=1,
    head_channels=0,
    head_strides="output",
    rank=0,
    norm="batch",
)
"""The decoder of the paper, as PWN; with permute="possible" as PWP."""

FOR_FROZEN = DecoderConfig(output_stride="fine", rank=16, head_channels=32, head_strides="all")
"""The decoder on a frozen encoder, which needs more of its own: the weights that it shares are not trained for it."""


def default_decoder(*, freeze_encoder: bool | Literal["weights"]) -> DecoderConfig:
    """The decoder where no options are given.

    Args:
        freeze_encoder: Whether the encoder's weights are frozen.
    """
    return FOR_FROZEN if freeze_encoder else DecoderConfig()
