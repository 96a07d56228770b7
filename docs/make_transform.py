"""Writes docs/transform.md, with outputs computed by the code: python docs/make_transform.py."""

from dataclasses import replace
from pathlib import Path

from five_nodes import FiveNodes
from rich.console import Console

from feedbackward.decoder_config import PAPER, Retrace
from feedbackward.transform import trace, transpose
from feedbackward.viz.explain import explain
from feedbackward.viz.table import decoder_table

PAGE = Path(__file__).with_name("transform.md")
ENCODER = Path(__file__).with_name("five_nodes.py")
TEXT = """\
# The transform, on a graph of five nodes

Made by `docs/make_transform.py`: the outputs below are printed by the code.

## The encoder

```python
{encoder}
```

`trace` turns `forward_features` into a graph: one node for the image and one for each call of a
module or a function. A node has an operation and its arguments, which are other nodes.

```
{forward}
```

## The walk

`transpose` copies these nodes into a new graph and appends the decoder nodes. It visits the nodes
from the last to the first and carries a *signal* for each, which has the shape of the node's value.
What a node does to the signal is its *rule*, looked up by the operation. `feedbackward info` prints
the walk from top to bottom:

```
{info}
```

1. **U-turn.** The encoder does not end with a pool, so a max pool and an upsampling follow. Their
   result is the first signal.
2. **add.** The rule of an addition: the signal goes to both branches, `act` and `branch`. No node
   is emitted.
3. **branch.** The rule of a convolution: read the weight from the encoder, swap its channel axes if
   the layer changes the number of channels (here 8 to 8: they are kept), convolve with unit stride,
   normalize. The norm is new: `decoder.branch.norm`.
4. **act.** Two signals arrive, from `add` and from `branch`, and the walker adds them. It is the
   only place where signals are added, so no rule needs to know who else uses a value. Then the rule
   of an activation: the same activation, plus the encoder's value of this node, the skip
   connection.
5. **stem.** A convolution again. It was strided, so the signal is upsampled to the size of its
   input; it maps 3 to 8 channels, so the axes are swapped; and it has its own norm,
   `decoder.stem.norm`.
6. **image.** One more ReLU. The classifier reads this signal.

The graph now has these nodes as well. `permute_weight`, `same_conv2d`, `upsample_like` and `fuse`
are functions of `feedbackward.nn`. Only the modules `decoder.*` are new:

```
{decoder}
```

## Ending earlier

The decoder may end at a node if the whole signal passes through it, that is, if no other signal is
pending. In this graph these nodes are `add`, `act` and `stem` (stride 2) and the image (stride 1);
at `branch` a second signal is pending for `act`. Of each stride the node nearest to the image is
kept, `output_stride` chooses among them, and what was emitted after it is dropped: with 2 the
decoder ends at `stem`, with its 8 channels, and neither upsamples nor convolves there.

## Retracing transitions only

With `retrace="transitions"` the rules of layers bypass those that keep resolution and channels. The
rule of the addition finds that `branch` depends on `act` alone: the shortcut is an identity, and
the signal goes there only.

```
{transitions}
```

## What the walker knows

It knows no operations. It knows nodes and signals, and that a signal goes only to values that
depend on the image: a standardized weight or a table of positions is a value of the graph too, and
rules may read it. A value of several tensors (a split) has a signal for each of them, and its rule
gets all of them at once. A rule refuses a call that it does not support, and all nodes without a
rule are listed in one error before anything is built.

Shapes are inferred on the meta device, at two image sizes: an axis of the same length in both is
fixed (channels, branches, heads), the others scale with the image. A rule may use the length of a
fixed axis as a number; all other lengths are read from the encoder's tensors when the network runs,
so that it takes images of any size.
"""


def page() -> str:
    """The page as Markdown."""
    encoder = trace(FiveNodes())
    source = ENCODER.read_text(encoding="utf-8").partition("\n\n\n")[2].rstrip()
    decoder_graph = transpose(encoder, PAPER)
    return TEXT.format(
        encoder=source,
        forward="\n".join(_nodes(list(encoder.graph.nodes)[:-1])),
        info=_info("all"),
        decoder="\n".join(_nodes(list(decoder_graph.graph.nodes)[5:])),
        transitions=_info("transitions"),
    )


def _nodes(nodes: list) -> list[str]:
    return [line for line in (node.format_node() for node in nodes) if line]


def _info(retrace: Retrace) -> str:
    encoder = trace(FiveNodes().eval())
    decoder_graph = transpose(encoder, replace(PAPER, retrace=retrace))
    console = Console(width=100, color_system=None, force_terminal=False)
    with console.capture() as capture:
        console.print(decoder_table(explain(encoder, decoder_graph, size=(64, 128), in_channels=3)))
    return "\n".join(line.rstrip() for line in capture.get().rstrip().splitlines())


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
