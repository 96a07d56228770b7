"""Writes docs/encoders.md and docs/tables/encoders.json from the catalog: python docs/make_encoders.py."""

import json
from collections.abc import Iterable
from pathlib import Path
from textwrap import fill

from feedbackward.models.catalog import CLASSES, SHIPPED, SIZE, Catalog, EncoderRecord

PAGE = Path(__file__).with_name("encoders.md")
TABLE = Path(__file__).parent / "tables" / "encoders.json"
KINDS = {
    "convolutional": "has a convolution whose kernel is larger than its stride, and no products of feature maps",
    "hybrid": "has such a convolution and products of feature maps, such as attention",
    "attention": "has products of feature maps, and no convolutions but those that cut an image into patches",
    "other": "has neither: mixers, recurrent networks",
}
TEXT = """\
# Encoders

{total:,} architectures of timm {timm}, and which of them can be transposed into a decoder: {share:.1%} of the
convolutional ones ({supported} of {convolutional}), and some hybrids and transformers.

<div id="encoder-table" markdown="1">

The table needs JavaScript, and a web server: `make docs` builds the site, `python -m http.server -d site` serves it.
Without either the command line has the same rows:

```sh
feedbackward encoders 'resnet*'
```

</div>
<script src="../tables/encoders.js" defer></script>

Parameters are those of the encoder in millions, of the decoder (its norms) and of the classifier for {classes}
classes. The decoder can end at the strides that are listed. GFLOPs are those of the whole network for one image of
{height}x{width}, with all layers in the decoder and its end at the stride in brackets. The license is that of timm's
pretrained weights; some are not for commercial use.

In Python `fb.list_encoders("resnet*")` returns the names of the supported ones, and `feedbackward info NAME` shows one
in detail.

## Kinds

The kind of an architecture follows from the operations that it runs, not from its name:

{kinds}

A product of feature maps is a product of two batches of matrices that both depend on the image,
neither of them a vector: pixels are weighted by other pixels. Gates such as squeeze-and-excitation,
pooling by a softmax (global context) and weights that are mixed for each image (conditional
convolutions) do not count.

## Not supported

Architectures that are not supported, by the operation without a [rule](rules.md), most frequent first:

| reason | architectures |
| --- | --- |
{reasons}

## How the list is made

Each architecture is run without weights. With another version of timm installed, the first command makes the list of
that version:

```sh
feedbackward encoders --measure --processes 2 --json src/feedbackward/models/encoders.json
python docs/make_encoders.py
```

`make sweep` tests each supported one (`tests/models/test_contract.py`): a training step at 65x97 from random weights,
the size of the logits, the gradient of every parameter, that the state dict has no tensor twice, that training and
evaluation have the same graph, and that a copy and a network that was saved and loaded return the same logits.
"""


def page() -> str:
    """The page as Markdown."""
    records = _records()
    convolutional = [record for record in records if record.kind == "convolutional"]
    supported = sum(record.supported for record in convolutional)
    return TEXT.format(
        timm=_catalog().timm,
        total=len(records),
        kinds="\n".join(
            fill(f"- **{kind}** ({sum(r.kind == kind for r in records)}): {what}.", 100, subsequent_indent="  ")
            for kind, what in KINDS.items()
        ),
        supported=supported,
        convolutional=len(convolutional),
        share=supported / len(convolutional),
        reasons="\n".join(_reasons(records)),
        classes=CLASSES,
        height=SIZE[0],
        width=SIZE[1],
    )


def table() -> str:
    """The rows of the table as JSON, one line each."""
    rows = [
        {
            "name": record.name,
            "family": record.family,
            "kind": record.kind,
            "refused": ", ".join(record.refused),
            "encoder": round(record.encoder_parameters / 1e6, 2),
            "decoder": record.decoder_parameters,
            "head": record.head_parameters,
            "strides": record.output_strides,
            "stride": record.output_stride,
            "gflops": record.gflops and round(record.gflops, 2),
            "license": record.license,
        }
        for record in _records()
    ]
    return "[\n" + ",\n".join(json.dumps(row, separators=(",", ":")) for row in rows) + "\n]\n"


def _catalog() -> Catalog:
    return Catalog.from_json(SHIPPED.read_text(encoding="utf-8"))


def _records() -> list[EncoderRecord]:
    return sorted(_catalog().encoders, key=lambda record: (record.family, record.name))


def _reasons(records: Iterable[EncoderRecord]) -> Iterable[str]:
    refused: dict[str, list[str]] = {}
    for record in records:
        if not record.supported:
            refused.setdefault(", ".join(record.refused), []).append(record.name)
    for reason, names in sorted(refused.items(), key=lambda item: -len(item[1])):
        yield f"| {reason} | {len(names)}: {', '.join(names[:3])}{' …' if len(names) > 3 else ''} |"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    TABLE.write_text(table(), encoding="utf-8")
