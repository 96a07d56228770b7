import io

import pytest

from feedbackward.segmenters.outputs import OUTPUTS, OutputOptions


@pytest.fixture
def written():
    """The content of the file of a kind, as an open file."""

    def write(kind, result, **options):
        file = io.BytesIO()
        OUTPUTS[kind].check(result.table, OutputOptions(**options))
        OUTPUTS[kind].write(result, OutputOptions(**options), file)
        file.seek(0)
        return file

    return write
