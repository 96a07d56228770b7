"""Writes docs/encoders.md from the catalog of encoders: python docs/make_encoders.py."""

from collections.abc import Iterable
from itertools import groupby
from pathlib import Path
from textwrap import fill

from feedbackward.models.catalog import CLASSES, SHIPPED, SIZE, Catalog, EncoderRecord

PAGE = Path(__file__).with_name("encoders.md")
KINDS = {
    "convolutional": "has a convolution whose kernel is larger than its stride, and no products of feature maps",
    "hybrid": "has such a convolution and products of feature maps, such as attention",
    "attention": "has products of feature maps, and no convolutions but those that cut an image into patches",
    "other": "has neither: mixers, recurrent networks",
}
HEAD = """\
# Encoders

The architectures of timm {timm}, and which of them can be transposed into a decoder. Made by
running each of them without weights:

    feedbackward encoders --measure --processes 2 --json src/feedbackward/models/encoders.json
    python docs/make_encoders.py

`feedbackward encoders 'resnet*'` prints the same, `fb.list_encoders()` returns the names of the
supported ones, and `feedbackward info NAME` shows one in detail. With another version of timm
installed, the first command makes the catalog of that version.

## What is counted

The kind of an architecture follows from the operations that it runs, not from its name:

{kinds}

A product of feature maps is a product of two batches of matrices that both depend on the image,
neither of them a vector: pixels are weighted by other pixels. Gates such as squeeze-and-excitation,
pooling by a softmax (global context) and weights that are mixed for each image (conditional
convolutions) do not count. Coverage is measured on the convolutional architectures: {supported} of
{convolutional} are supported ({share:.1%}).

Each supported architecture is tested: `pytest tests/models/test_contract.py -m "slow or not slow"`
does a training step at 65x97 from random weights and checks the size of the logits, the gradient of
every parameter, that the state dict has no tensor twice, that training and evaluation have the same
graph, and that a copy and a network that was saved and loaded return the same logits.

| family | kind | architectures | supported |
| --- | --- | --- | --- |
{families}

Architectures that are not supported, by the operation without a rule, most frequent first:

| reason | architectures |
| --- | --- |
{reasons}

## One by one

Parameters of the encoder in millions, of the decoder (its norms) and of the head (a classifier of
{classes} classes) in full; the strides at which the decoder can end; GFLOPs of the network for one
image of {height}x{width}, at the stride in brackets.
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
            fill(f"- **{kind}** ({sum(r.kind == kind for r in records)}): {what}.", 100, subsequent_indent="  ")
            for kind, what in KINDS.items()
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
        f"\n### {family}\n\n| architecture | supported | encoder M | decoder | head | strides | GFLOPs |\n"
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
