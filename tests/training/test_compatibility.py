import pytest

from feedbackward.errors import InputError
from feedbackward.training.compatibility import check_checkpoint

CONFIG = {"model": "feedbackward", "decoder": {"permute": "necessary", "output_stride": 2}}


def checkpoint_of(table):
    return {"feedbackward": {"network": {"format": 3, **CONFIG, "class_table": table.to_dict()}}}


def test_the_checkpoint_that_fits(table):
    check_checkpoint(checkpoint_of(table), config=CONFIG, class_table=table)


def test_another_option_is_named(table):
    other = {**CONFIG, "decoder": {"permute": "possible", "output_stride": 2}}
    message = r"a different network \(decoder\.permute: 'necessary' in the checkpoint, 'possible' here\)"
    with pytest.raises(InputError, match=message):
        check_checkpoint(checkpoint_of(table), config=other, class_table=table)
