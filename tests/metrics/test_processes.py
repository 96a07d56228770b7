"""Scores of two processes connected by gloo, compared with those of one; run as a script this file is a process."""

import json
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import distributed

from feedbackward.classes import ClassTable
from feedbackward.metrics import CityscapesMetric, SegmentationMetric

TABLE = ClassTable(("a", "b", "c"), ((0, 0, 0), (1, 1, 1), (2, 2, 2)))
SEEDS = ((0, 1), (2,))  # of the batches of each process, unequal in number


def scores(seeds: tuple[int, ...]) -> dict[str, Any]:
    """Both kinds of scores of random batches, as plain data."""
    plain, cityscapes = SegmentationMetric(TABLE), CityscapesMetric()
    for seed in seeds:
        generator = torch.Generator().manual_seed(seed)
        prediction, mask = torch.randint(0, 3, (2, 2, 12, 17), generator=generator)
        plain.update(prediction, mask)
        prediction, labels = torch.randint(0, 19, (2, 2, 12, 17), generator=generator)
        labels = labels + 15
        instances = torch.where(labels >= 24, labels * 1000 + mask, labels)
        cityscapes.update(prediction, labels.to(torch.uint8), instances.to(torch.int32))
    return {"plain": asdict(plain.compute()), "cityscapes": asdict(cityscapes.compute())}


def flat(data: Any, at: str = "") -> dict[str, float]:
    """The numbers of nested data by their path; texts and None are left out."""
    if data is None or isinstance(data, str):
        return {}
    if not isinstance(data, dict | list):
        return {at: data}
    items = data.items() if isinstance(data, dict) else enumerate(data)
    return {place: number for key, value in items for place, number in flat(value, f"{at}/{key}").items()}


def test_two_processes_give_the_scores_of_one(tmp_path: Path) -> None:
    processes = [
        subprocess.Popen([sys.executable, __file__, str(rank), str(tmp_path)], stdout=subprocess.PIPE, text=True)
        for rank in range(2)
    ]
    try:
        outputs = [process.communicate(timeout=100)[0] for process in processes]
    finally:
        for process in processes:
            process.kill()
    expected = flat(json.loads(json.dumps(scores(SEEDS[0] + SEEDS[1]))))
    assert flat(scores(SEEDS[0])) != pytest.approx(expected, abs=1e-12, nan_ok=True)
    for process, output in zip(processes, outputs, strict=True):
        assert process.returncode == 0
        assert flat(json.loads(output)) == pytest.approx(expected, abs=1e-12, nan_ok=True)


def main(rank: int, folder: Path) -> None:
    """Score this process's share together with the other one."""
    distributed.init_process_group("gloo", init_method=f"file://{folder / 'meeting'}", rank=rank, world_size=2)
    sys.stdout.write(json.dumps(scores(SEEDS[rank])))
    distributed.destroy_process_group()


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
