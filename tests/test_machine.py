import json
import platform

import numpy as np
import torch

from feedbackward.machine import describe_machine


def test_it_names_the_versions_that_run():
    described = describe_machine()
    assert described["python"] == platform.python_version()
    assert (described["numpy"], described["torch"]) == (np.__version__, torch.__version__)


def test_it_is_plain_data():
    assert json.loads(json.dumps(describe_machine())) == describe_machine()
