import pytest
import torch
from torch.utils.data import DataLoader, Dataset

from feedbackward.data.sampler import EpochSampler, SeededItems


class Noise(Dataset):
    """Items that are their index and a random number."""

    def __init__(self, length):
        self.length = length

    def __len__(self):
        return self.length

    def __getitem__(self, index):
        return index, torch.rand(()).item()


def order(length=50, *, epoch=0, **options):
    sampler = EpochSampler(range(length), **{"seed": 0, **options})
    sampler.set_epoch(epoch)
    draws = list(sampler)
    assert len(draws) == len(sampler)
    assert {number for number, _ in draws} == {epoch}
    return [index for _, index in draws]


def test_an_order_is_a_permutation_that_seed_and_epoch_determine():
    torch.manual_seed(0)
    orders = {(seed, epoch): order(seed=seed, epoch=epoch) for seed in range(3) for epoch in range(3)}
    assert all(sorted(found) == list(range(50)) for found in orders.values())
    assert len({tuple(found) for found in orders.values()}) == 9
    torch.manual_seed(1)
    assert order(seed=2, epoch=1) == orders[2, 1]


@pytest.mark.parametrize(("length", "processes"), [(12, 3), (13, 3), (2, 4), (5, 1)])
def test_processes_share_the_items(length, processes):
    shares = [order(length, epoch=4, processes=processes, rank=rank) for rank in range(processes)]
    assert {len(share) for share in shares} == {-(-length // processes)}
    turns = [index for turn in zip(*shares, strict=True) for index in turn]
    whole = order(length, epoch=4)
    assert turns == (whole * processes)[: len(turns)]


@pytest.mark.parametrize(("processes", "done"), [(1, 0), (1, 20), (2, 7), (1, 50)])
def test_what_is_done_is_left_out_of_the_first_epoch_alone(processes, done):
    sampler = EpochSampler(range(50), seed=0, processes=processes, epoch=3, done=done)
    assert [index for _, index in sampler] == order(epoch=3, processes=processes)[done:]
    assert [index for _, index in sampler] == order(epoch=4, processes=processes)
    assert len(sampler) == 50 // processes  # Lightning counts the batches of a whole epoch


def test_a_first_epoch_that_is_done_may_be_iterated_over_lazily():
    sampler = EpochSampler(range(50), seed=0, epoch=3, done=50)
    sampler.set_epoch(4)
    assert [index for _, index in sampler] == order(epoch=4)


def batches(workers, epochs, batch_size=4):
    dataset = SeededItems(Noise(10), seed=3)
    sampler = EpochSampler(dataset, seed=3)
    loader = DataLoader(dataset, batch_size, sampler=sampler, num_workers=workers, persistent_workers=workers > 0)
    seen = []
    for epoch in epochs:
        sampler.set_epoch(epoch)
        seen.append([value.tolist() for batch in loader for value in batch])
    return seen


def test_items_depend_on_the_epoch_and_not_on_the_workers():
    alone = batches(0, [0, 1, 2])
    assert alone[0] != alone[1] != alone[2]
    assert batches(2, [0, 1, 2]) == alone
    torch.manual_seed(9)
    assert batches(1, [2]) == alone[2:]


def test_the_random_numbers_of_two_items_differ():
    items = SeededItems(Noise(10), seed=0)
    values = {items[epoch, index][1] for epoch in range(10) for index in range(10)}
    values |= {SeededItems(Noise(10), seed=1)[0, index][1] for index in range(10)}
    assert len(values) == 110


def test_loading_does_not_change_the_generator_of_the_network():
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    items = SeededItems(Noise(2), seed=0)
    assert items[1] == items[0, 1]
    torch.testing.assert_close(torch.rand(3), expected, rtol=0, atol=0)
