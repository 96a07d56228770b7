"""The benchmark of loading: its loaders do the same, and a rehearsal writes a row for each."""

import json
import sys

import pytest
import torch


@pytest.fixture
def loading(script):
    return script("loading")


def test_all_loaders_have_batches_of_one_form(loading, tmp_path):
    loading.draw(tmp_path, 4, (60, 90))
    workload = loading.Workload(tmp_path, (20, 30), 2, 0)
    for candidate in (loading.PLAIN, loading.OURS, loading.CACHED):
        loader = workload.loader(candidate)
        batches = [
            (batch["image"], batch["mask"]) if isinstance(batch, dict) else batch for _ in range(2) for batch in loader
        ]
        assert len(batches) == 4
        for image, mask in batches:
            assert (image.dtype, image.shape) == (torch.float32, (2, 3, 20, 30))
            assert (mask.dtype, mask.shape) == (torch.int64, (2, 20, 30))
            assert 0 <= image.min() < image.max() <= 1
            assert set(mask.unique().tolist()) <= {*range(loading.CLASSES), loading.VOID}
        assert len(torch.cat([mask for _, mask in batches]).unique()) > 5
    (cache,) = tmp_path.glob("cache_*")
    assert len(list(cache.iterdir())) == 4


def test_a_rehearsal(loading, tmp_path, monkeypatch):
    arguments = "--images 2 --size 60,90 --resized 32,64 --batch 2 --workers 0 --epochs 2 --repeats 1 --steps 1"
    file = tmp_path / "loading.json"
    monkeypatch.setattr(sys, "argv", ["loading.py", *arguments.split(), "--json", str(file)])
    jobs = []

    def apart(workload, candidate, **number):  # without starting Python seven times
        jobs.append((candidate, *number))
        return loading.load(workload, candidate, **number) if "epochs" in number else {"rate": 4.0, "waited": 0.5}

    monkeypatch.setattr(loading, "apart", apart)
    threads = torch.get_num_threads()
    loading.main()
    torch.set_num_threads(threads)
    rows = json.loads(file.read_text())["results"]
    candidates = [loading.PLAIN, loading.OURS, loading.CACHED]
    assert [row["name"] for row in rows] == [*candidates, loading.FIXED]
    assert jobs == [
        *((candidate, "epochs") for candidate in candidates),
        *((candidate, "steps") for candidate in [*candidates, loading.FIXED]),
    ]
    for row in rows[:3]:
        assert row["images_per_second"] > 0
        assert 1e7 < row["peaks"][0] <= row["peaks"][1]
        assert row["trained_per_second"] == 4
    assert "images_per_second" not in rows[3]
