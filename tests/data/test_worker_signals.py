import os
import signal

from torch.utils.data import DataLoader, Dataset

from feedbackward.data.worker_signals import outlive_signals


class Signaled(Dataset):
    """Its worker gets all signals of a job that ends."""

    def __len__(self):
        return 3

    def __getitem__(self, index):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1):
            os.kill(os.getpid(), number)
        return index


def test_a_worker_outlives_the_signals_of_its_job_and_not_those_of_its_parent():
    loader = DataLoader(Signaled(), batch_size=None, num_workers=1, worker_init_fn=outlive_signals)
    batches = iter(loader)
    assert list(batches) == [0, 1, 2]

    batches = iter(DataLoader(Signaled(), batch_size=None, num_workers=1, worker_init_fn=outlive_signals))
    (worker,) = batches._workers
    assert next(batches) == 0
    worker.terminate()
    worker.join(20)
    assert worker.exitcode == 0
