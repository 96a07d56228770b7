"""Several processes that share the work, here threads connected by a store of torch."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from torch.distributed import HashStore, TCPStore

from feedbackward import processes
from feedbackward.cli.main import main
from feedbackward.errors import InputError
from feedbackward.processes import Processes, launched_devices, launched_processes

ENVIRONMENT = {
    "RANK": "1",
    "WORLD_SIZE": "4",
    "MASTER_ADDR": "127.0.0.1",
    "MASTER_PORT": "1",
    "LOCAL_WORLD_SIZE": "2",
    "TORCHELASTIC_RUN_ID": "none",
}


@pytest.fixture
def environment(monkeypatch):
    """Sets the variables of torchrun, and no others."""
    launched_processes.cache_clear()

    def _set(**variables):
        for name in ENVIRONMENT:
            monkeypatch.delenv(name, raising=False)
        for name, value in variables.items():
            monkeypatch.setenv(name, value)

    yield _set
    launched_processes.cache_clear()


@pytest.mark.parametrize("count", [1, 2, 3, 9])
def test_shares_are_disjoint_and_come_back_in_order(count):
    shares = [Processes(rank, count).share("abcdefg") for rank in range(count)]
    assert sorted(item for share in shares for item in share) == list("abcdefg")
    assert max(map(len, shares)) - min(map(len, shares)) <= 1
    assert Processes(0, count).in_order(shares) == list("abcdefg")


def test_the_first_process_gathers_and_all_wait():
    store, log = HashStore(), list[str]()

    def work(rank):
        own = Processes(rank, 3, store)
        log.append("begin")
        own.wait()
        log.append("go on")
        return own.gather({"rank": rank}), own.gather(rank**2)

    with ThreadPoolExecutor(3) as pool:
        found = list(pool.map(work, range(3)))
    assert found == [([{"rank": 0}, {"rank": 1}, {"rank": 2}], [0, 1, 4]), ([], []), ([], [])]
    assert log == ["begin"] * 3 + ["go on"] * 3


def test_the_first_process_broadcasts():
    store = HashStore()
    with ThreadPoolExecutor(3) as pool:
        found = pool.map(lambda rank: Processes(rank, 3, store).broadcast([rank]), range(3))
    assert list(found) == [[0]] * 3
    assert Processes().broadcast("alone") == "alone"


def test_large_data_is_gathered():
    large = "é" * 3_000_000  # 18 MB of JSON
    server = TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)
    client = TCPStore("127.0.0.1", server.port, wait_for_workers=False)
    with ThreadPoolExecutor(2) as pool:
        found = pool.map(lambda rank: Processes(rank, 2, (server, client)[rank]).gather(large), range(2))
        assert list(found) == [[large, large], []]


def test_without_torchrun_a_process_is_alone(environment):
    environment()
    alone = launched_processes()
    assert (alone.rank, alone.count, alone.gather("all")) == (0, 1, ["all"])
    assert launched_devices() is None


def test_the_devices_of_torchrun(environment):
    environment(**ENVIRONMENT)
    assert launched_devices() == (2, 2)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"MASTER_PORT": None}, "reached with RANK=1 WORLD_SIZE=4 MASTER_ADDR=127.0.0.1; start them with torchrun"),
        (
            {"RANK": "first"},
            "cannot be reached with RANK=first WORLD_SIZE=4 MASTER_ADDR=127.0.0.1 MASTER_PORT=1; start",
        ),
        ({}, "cannot be reached with RANK=1"),
    ],
)
def test_an_environment_without_other_processes_is_refused(environment, monkeypatch, changes, message):
    monkeypatch.setattr(processes, "_TO_CONNECT", processes.timedelta(seconds=1))
    environment(**{name: value for name, value in {**ENVIRONMENT, **changes}.items() if value is not None})
    with pytest.raises(InputError, match=message):
        launched_processes()


@pytest.mark.parametrize("command", ["fit", "validate", "test", "predict", "evaluate"])
def test_processes_that_torchrun_has_not_started_are_refused(environment, capsys, command):
    environment(RANK="1", WORLD_SIZE="4")
    arguments = {"predict": ["MODEL", "IMAGES"], "evaluate": ["--dataset", "camvid", "--ground-truth", "MASKS"]}
    with pytest.raises(SystemExit) as caught:
        main([command, *arguments.get(command, [])])
    assert caught.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: RANK=1 and WORLD_SIZE=4 say that this is one of several processes, and torchrun has")


def test_a_command_of_one_process_is_refused(environment, capsys):
    environment(**ENVIRONMENT)
    with pytest.raises(SystemExit) as caught:
        main(["train", "DATA"])
    assert caught.value.code == 2
    assert "train runs in one process; start it without torchrun, which is for fit" in capsys.readouterr().err
