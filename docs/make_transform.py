"""Writes docs/transform.md, whose outputs come from the code: python docs/make_transform.py."""

from pathlib import Path

from five_nodes import FiveNodes
from rich.console import Console

from feedbackward.cli.info import way_back_table
from feedbackward.transform import DecoderGraph, Retrace, trace, transpose
from feedbackward.viz.explain import explain

PAGE = Path(__file__).with_name("transform.md")
ENCODER = Path(__file__).with_name("five_nodes.py")
TEXT = """\
# The transform, on a graph of five nodes

Made by `docs/make_transform.py`: what follows is what the code prints.

## The encoder

```python
{encoder}
```

`trace` turns `forward_features` into a graph: one node for the image, one for each module or function that is called. A
node names its operation, its arguments (other nodes) and nothing else.

```
{forward}
```

## The walk

`transpose` copies these nodes into a new graph and writes the way back behind them. It goes through the nodes from
the last to the first and carries a *signal* for each; the signal has the shape of the node's own value. What a node
does to it is its *rule*, looked up by the operation. `feedbackward info` prints the walk from top to bottom:

```
{info}
```

1. **U-turn.** The encoder does not end with a pool, so it gets one, and the upsampling back. The signal starts as that.
2. **add.** The rule of an addition: the signal goes to both branches, `act` and `branch`. Nothing is emitted.
3. **branch.** The rule of a convolution: read the weight from the encoder, swap its channel axes if the layer changes
   the channels (8 to 8: as it is), convolve with unit stride, normalize. The norm is new: `decoder.branch.norm`.
4. **act.** Two signals have come here, from `add` and from `branch`: the walker adds them. It is the one place where
   that happens, so no rule need know who else uses a value. Then the rule of an activation: the same activation, and
   the encoder's own value of this node is added, which is the skip.
5. **stem.** A convolution again. It was strided, so the signal is upsampled to the size of its input; it leads from 3
   to 8 channels, so the axes are swapped; and it has its own norm, `decoder.stem.norm`.
6. **image.** One more ReLU, and the classifier reads the signal there.

The graph then is this. `permute_weight`, `same_conv2d`, `upsample_like` and `fuse` are the functions of
`feedbackward.nn`. Only `decoder.*` is new:

```
{back}
```

## Ending earlier

While only one signal is under way, the whole signal passes through the node at hand: there the walk may end. In this
graph these are `add`, `act` and `stem` (stride 2) and the image (stride 1); at `branch` a second signal waits for
`act`. Of each stride the one nearest to the image is kept, `output_stride` chooses among them, and what was emitted
behind it is dropped: with 2 the way back ends at `stem`, with its 8 channels, and neither upsamples nor convolves
there.

## Passing by

With `retrace="transitions"` the rules of layers do nothing where resolution and channels stay. The rule of the addition
finds that `branch` is made from `act` alone: the shortcut is an identity, and the signal goes there only.

```
{transitions}
```

## What the walker knows

Nothing of operations. It knows nodes, signals, and that a signal can go only to values that depend on the image: a
weight that is standardized or a table of positions is a value of the graph too, and rules may read it. A value of
several tensors (a split) has a signal for each of them, handed to its rule together. A rule that does not cover a
call as it stands says so, and all nodes without a rule are named in one error before anything is built.

Shapes come from running the encoder on the meta device, at two sizes: an axis that is as long in both is fixed
(channels, branches, heads), the others follow the image. A rule may use the length of a fixed axis as a number;
everything else is taken from the encoder's tensors when the network runs, so that it takes images of any size.
"""


def page() -> str:
    """The page as Markdown."""
    encoder = trace(FiveNodes())
    source = ENCODER.read_text(encoding="utf-8").partition("\n\n\n")[2].rstrip()
    decoder_graph = transpose(encoder)
    return TEXT.format(
        encoder=source,
        forward="\n".join(_nodes(list(encoder.graph.nodes)[:-1])),
        info=_info("all"),
        back="\n".join(_nodes(list(decoder_graph.graph.nodes)[5:])),
        transitions=_info("transitions"),
    )


def _nodes(nodes: list) -> list[str]:
    return [line for line in (node.format_node() for node in nodes) if line]


def _info(retrace: Retrace) -> str:
    encoder = trace(FiveNodes().eval())
    decoder_graph: DecoderGraph = transpose(encoder, retrace=retrace)
    console = Console(width=100, color_system=None, force_terminal=False)
    with console.capture() as capture:
        console.print(way_back_table(explain(encoder, decoder_graph, size=(64, 128), in_channels=3)))
    return "\n".join(line.rstrip() for line in capture.get().rstrip().splitlines())


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
