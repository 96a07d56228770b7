import pytest
import torch

from feedbackward.training.schedules import PolynomialDecay


def walk(scheduler, optimizer, steps):
    rates = []
    for _ in range(steps):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return rates


def optimizer():
    return torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)


def test_the_rate_falls_to_zero():
    sgd = optimizer()
    rates = walk(PolynomialDecay(sgd, 4, power=0.9), sgd, 6)
    expected = [0.1 * (1 - step / 4) ** 0.9 for step in range(4)]
    assert rates == pytest.approx([*expected, 0.0, 0.0])


def test_a_longer_training_follows_the_longer_curve():
    sgd = optimizer()
    short = PolynomialDecay(sgd, 4, power=1.0)
    walk(short, sgd, 4)

    sgd = optimizer()
    longer = PolynomialDecay(sgd, 8, power=1.0)
    longer.load_state_dict(short.state_dict())
    assert sgd.param_groups[0]["lr"] == pytest.approx(0.1 * (1 - 4 / 8))
    assert longer.get_last_lr() == pytest.approx([0.1 * (1 - 4 / 8)])
    sgd.step()
    longer.step()
    assert sgd.param_groups[0]["lr"] == pytest.approx(0.1 * (1 - 5 / 8))
