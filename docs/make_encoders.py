"""Writes docs/encoders.md from the shipped list of encoders: python docs/make_encoders.py."""

from collections.abc import Iterable
from itertools import groupby
from pathlib import Path

from feedbackward.models.catalog import CLASSES, SHIPPED, SIZE, Catalog, EncoderRecord

PAGE = Path(__file__).with_name("encoders.md")
KINDS = {
    "convolutional": "has a convolution whose kernel is larger than its stride, and no product of feature maps",
    "hybrid": "has such a convolution, and products of feature maps as well: attention and its kin",
    "attention": "has products of feature maps, and convolutions that cut an image into patches at most",
    "other": "has neither: mixers, recurrent networks",
}
HEAD = """\
# Encoders

The architectures of timm {timm}, and which of them can be run backward. Made by running each of them without weights:

    feedbackward encoders --measure --processes 2 --json src/feedbackward/models/encoders.json
    python docs/make_encoders.py

`feedbackward encoders 'resnet*'` prints the same, `fb.list_encoders()` gives the names of those that can, and
`feedbackward info NAME` shows one in detail. With another version of timm installed, the first command makes the list
for that one.

## What is counted

An architecture is of the kind that its operations show when it runs, whatever its name is:

{kinds}

A product of feature maps is a product of two batches of matrices, both made from the image, neither of them a vector:
there the pixels are weighed by each other. Gates such as squeeze-and-excitation, pooling by a softmax (global
context) and weights that are mixed for each image (conditional convolutions) are none. "Convolutional" is what the
coverage below is measured on: {supported} of {convolutional} architectures can be run backward ({share:.1%}).

"Can be run backward" is proved by running, for each of them: `pytest tests/models/test_contract.py -m "slow or not
slow"` does a training step at 65x97 from random weights, checks the size of the scores, the gradient of every
parameter, that no tensor stands twice in the state dict, that training and evaluation have one graph, and that a copy
and a network that was saved and loaded give the same scores.

| family | kind | architectures | run backward |
| --- | --- | --- | --- |
{families}

Not convolutional and refused, in the order of the reasons:

| reason | architectures |
| --- | --- |
{reasons}

## One by one

Parameters of the encoder in millions, of the way back (its norms) and of the head (a classifier of {classes} classes)
in full; the strides at which the way back can end; GFLOPs of the network for one image of {height}x{width}, at the
stride in brackets.
"""


def page() -> str:
    """The page as Markdown."""
    found = Catalog.from_json(SHIPPED.read_text(encoding="utf-8"))
    records = sorted(found.encoders, key=lambda record: (record.family, record.name))
    convolutional = [record for record in records if record.kind == "convolutional"]
    supported = sum(record.supported for record in convolutional)
    head = HEAD.format(
        timm=found.timm,
        kinds="\n".join(
            f"- **{kind}** ({sum(r.kind == kind for r in records)}): {what}." for kind, what in KINDS.items()
        ),
        supported=supported,
        convolutional=len(convolutional),
        share=supported / len(convolutional),
        families="\n".join(_families(records)),
        reasons="\n".join(_reasons(records)),
        classes=CLASSES,
        height=SIZE[0],
        width=SIZE[1],
    )
    return head + "".join(_section(family, list(group)) for family, group in groupby(records, lambda r: r.family))


def _families(records: Iterable[EncoderRecord]) -> Iterable[str]:
    for family, group in groupby(records, lambda record: record.family):
        members = list(group)
        kinds = ", ".join(kind for kind in KINDS if any(record.kind == kind for record in members))
        yield f"| [{family}](#{family}) | {kinds} | {len(members)} | {sum(r.supported for r in members)} |"


def _reasons(records: Iterable[EncoderRecord]) -> Iterable[str]:
    refused: dict[str, list[str]] = {}
    for record in records:
        if not record.supported:
            refused.setdefault(", ".join(record.refused), []).append(record.name)
    for reason, names in sorted(refused.items(), key=lambda item: -len(item[1])):
        yield f"| {reason} | {len(names)}: {', '.join(names[:3])}{' …' if len(names) > 3 else ''} |"


def _section(family: str, records: list[EncoderRecord]) -> str:
    lines = "\n".join(_line(record) for record in records)
    return (
        f"\n### {family}\n\n| architecture | backward | encoder M | way back | head | strides | GFLOPs |\n"
        f"| --- | --- | --- | --- | --- | --- | --- |\n{lines}\n"
    )


def _line(record: EncoderRecord) -> str:
    encoder = f"{record.encoder_parameters / 1e6:.2f}"
    if not record.supported:
        return f"| {record.name} | no: {', '.join(record.refused)} | {encoder} | | | | |"
    strides = " ".join(map(str, record.output_strides))
    parameters = f"{encoder} | {record.decoder_parameters:,} | {record.head_parameters:,}"
    return f"| {record.name} | yes | {parameters} | {strides} | {record.gflops:,.2f} (/{record.output_stride}) |"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
