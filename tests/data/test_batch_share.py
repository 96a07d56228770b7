import pytest
from torch.utils.data import BatchSampler, DataLoader

from feedbackward.data.batch_share import BatchShare
from feedbackward.errors import InputError


def batches(images, *, size, processes, rank):
    sampler = BatchShare(range(images), batch_size=size, processes=processes, rank=rank)
    assert len(sampler) == len(list(sampler))
    return [batch.tolist() for batch in DataLoader(range(images), batch_size=size, sampler=sampler)]


@pytest.mark.parametrize("processes", [1, 2, 3, 5])
@pytest.mark.parametrize(("images", "size"), [(10, 1), (10, 2), (11, 2), (13, 3), (5, 1)])
def test_the_batches_are_those_of_one_process(images, size, processes):
    alone = list(BatchSampler(range(images), batch_size=size, drop_last=False))
    if len(alone) < processes:
        with pytest.raises(InputError, match=rf"{images} images .* batches of {size} are {len(alone)} for {processes}"):
            batches(images, size=size, processes=processes, rank=0)
        return
    shares = [batches(images, size=size, processes=processes, rank=rank) for rank in range(processes)]
    assert [share[turn] for turn in range(len(shares[0])) for share in shares if turn < len(share)] == alone
