import os
import signal
from types import SimpleNamespace

import pytest

from feedbackward.training.interruption import Interruption


@pytest.fixture
def trainer():
    return SimpleNamespace(validating=False, is_global_zero=True)


@pytest.fixture
def interruption(trainer):
    """A callback of a training that runs; the handlers are restored after it."""
    callback, before = Interruption(), signal.getsignal(signal.SIGTERM)
    callback.on_train_start(trainer, None)
    yield callback
    callback.on_exception(trainer, None, KeyboardInterrupt())
    assert signal.getsignal(signal.SIGTERM) is before


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGUSR1])
def test_the_first_signal_is_noted_and_the_second_interrupts(interruption, number, capfd):
    assert not interruption.requested
    os.kill(os.getpid(), number)
    assert interruption.requested
    assert capfd.readouterr().err.startswith("the training ends after this step, with a checkpoint")
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(number)


def test_a_validation_is_interrupted_at_once(interruption, trainer):
    trainer.validating = True
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGTERM)
    assert not interruption.requested


def test_a_signal_after_the_last_step_interrupts_what_follows(interruption, trainer):
    signal.raise_signal(signal.SIGTERM)
    with pytest.raises(KeyboardInterrupt):
        interruption.on_train_end(trainer, None)
