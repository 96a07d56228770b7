import pytest
import torch

from feedbackward.errors import InputError
from feedbackward.training.schedules import PolynomialDecay, check_resumed


def walk(scheduler, optimizer, steps):
    rates = []
    for _ in range(steps):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return rates


def optimizer():
    return torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)


def decay(sgd, steps, **options):
    scheduler = PolynomialDecay(sgd, **options)
    scheduler.set_steps(steps)
    return scheduler


def test_the_rate_falls_to_zero():
    sgd = optimizer()
    rates = walk(decay(sgd, 4, power=0.9), sgd, 6)
    expected = [0.1 * (1 - step / 4) ** 0.9 for step in range(4)]
    assert rates == pytest.approx([*expected, 0.0, 0.0])


def test_a_longer_training_follows_the_longer_curve():
    sgd = optimizer()
    short = decay(sgd, 4, power=1.0)
    walk(short, sgd, 4)

    sgd = optimizer()
    longer = decay(sgd, 8, power=1.0)
    longer.load_state_dict(short.state_dict())
    assert sgd.param_groups[0]["lr"] == pytest.approx(0.1 * (1 - 4 / 8))
    assert longer.get_last_lr() == pytest.approx([0.1 * (1 - 4 / 8)])
    sgd.step()
    longer.step()
    assert sgd.param_groups[0]["lr"] == pytest.approx(0.1 * (1 - 5 / 8))


def test_the_rate_first_rises():
    sgd = optimizer()
    rates = walk(decay(sgd, 10, power=1.0, warmup=0.2), sgd, 10)
    assert rates == pytest.approx([0.0, 0.1 * 0.9 / 2, *(0.1 * (1 - step / 10) for step in range(2, 10))])
    with pytest.raises(InputError, match=r"warmup is 1\.5; expected a share"):
        PolynomialDecay(sgd, warmup=1.5)


def test_a_resumed_schedule_has_the_arguments_of_the_checkpoint():
    exponential = torch.optim.lr_scheduler.ExponentialLR
    saved = [exponential(optimizer(), gamma=0.5).state_dict()]
    check_resumed(exponential(optimizer(), gamma=0.5), saved)
    with pytest.raises(InputError, match=r"schedule has gamma 0\.5, this run's 0\.9; resume with gamma 0\.5, or use"):
        check_resumed(exponential(optimizer(), gamma=0.9), saved)
    check_resumed(decay(optimizer(), 9), [decay(optimizer(), 4, power=0.5).state_dict()])
