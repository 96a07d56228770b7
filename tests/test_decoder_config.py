"""The options of the decoder: refused values, and the round trip through JSON."""

import subprocess
import sys

import pytest

from feedbackward.decoder_config import PAPER, DecoderConfig
from feedbackward.errors import InputError


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"permute": "never"}, r"permute='never': expected one of 'necessary', 'possible'"),
        ({"retrace": "some"}, r"retrace='some': expected one of 'auto', 'all', 'transitions', 'stages'"),
        ({"output_feature": "middle"}, r"output_feature='middle': expected one of 'first', 'last'"),
        ({"head_input": "mean"}, r"head_input='mean': expected one of 'both', 'sum'"),
        ({"norm": "layer"}, r"norm='layer': expected one of 'batch', 'group'"),
        ({"output_stride": 0}, r"output_stride=0: expected a stride such as 4, 'auto', 'fine' or 'image'"),
        ({"output_stride": True}, r"output_stride=True: expected a stride"),
        ({"output_stride": None}, r"output_stride=None: expected a stride"),
        ({"head_kernel_size": 4}, r"head_kernel_size=4: expected an odd number"),
        ({"head_channels": -1}, r"head_channels=-1: expected a number of channels such as 64, or 0"),
        ({"head_strides": "some"}, r"head_strides='some': expected one of 'output', 'all'"),
        ({"head_strides": "all"}, r"head_strides='all' needs a classifier of several layers: set head_channels"),
        ({"rank": "half"}, r"rank='half': expected a rank such as 16, 0 for none, or 'full'"),
        ({"rank": -1}, r"rank=-1: expected a rank"),
        ({"rank": True}, r"rank=True: expected a rank"),
        ({"rank": 4, "rank_channels": 0}, r"rank_channels=0: expected a number of channels such as 320"),
        ({"head_kernel_size": -1}, r"head_kernel_size=-1: expected an odd number"),
    ],
)
def test_a_wrong_value_is_refused(options: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        DecoderConfig(**options)


@pytest.mark.parametrize(
    "config", [DecoderConfig(), PAPER, DecoderConfig(output_stride=2, norm="group"), DecoderConfig(rank="full")]
)
def test_it_round_trips_through_plain_data(config: DecoderConfig) -> None:
    assert DecoderConfig.from_dict(config.to_dict()) == config


def test_an_unknown_option_is_refused() -> None:
    with pytest.raises(InputError, match=r"unknown decoder options ranks; expected head_channels, "):
        DecoderConfig.from_dict({**PAPER.to_dict(), "ranks": 4})


def test_a_missing_option_is_refused() -> None:
    data = PAPER.to_dict()
    del data["norm"]
    with pytest.raises(InputError, match=r"missing decoder options norm; expected head_channels, "):
        DecoderConfig.from_dict(data)


def test_it_does_not_import_torch() -> None:
    code = "import sys, feedbackward.decoder_config; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
