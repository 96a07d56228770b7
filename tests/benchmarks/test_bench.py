"""The benchmark of what users wait for, and what it says has moved; nothing here depends on how long anything takes."""

import json
from dataclasses import asdict, replace

import pytest


@pytest.fixture
def compare(script):
    return script("bench_compare")


@pytest.fixture
def figure(script):
    return script("bench_figure").Figure(name="a", seconds=1.0, low=0.9, high=1.1, matmul=1e11, memory=1e10)


def write(path, *figures):
    path.write_text(json.dumps({"machine": {}, "figures": list(map(asdict, figures))}))
    return str(path)


def times(figure, factor, **rates):
    scaled = {name: getattr(figure, name) * factor for name in ("seconds", "low", "high")}
    return replace(figure, **scaled, **rates)


@pytest.mark.parametrize(
    ("factor", "rates", "verdict"),
    [
        (1.0, {}, ""),
        (1.2, {}, ""),  # 1.08 to 1.32, and before 0.9 to 1.1
        (1.3, {}, "slower"),
        (0.7, {}, "faster"),
        (2.0, {"matmul": 5e10}, ""),  # as much slower as the machine at matrix products
        (2.0, {"memory": 5e9}, ""),  # or at copies
        (2.0, {"matmul": 9e10, "memory": 9e9}, "slower"),  # by more than the machine
        (0.5, {"matmul": 2e11}, ""),
        (0.5, {"matmul": 1.1e11, "memory": 1.1e10}, "faster"),
        (1.0, {"matmul": 2e11, "memory": 2e10}, ""),  # a faster machine alone does not make it slower
    ],
)
def test_what_moved_by_more_than_its_spread(compare, figure, factor, rates, verdict):
    assert compare.moved(figure, times(figure, factor, **rates)) == verdict


def test_slower_figures_are_named_and_end_with_an_error(compare, figure, tmp_path, capsys):
    others = (replace(figure, name="b"), replace(figure, name="old"))
    old = write(tmp_path / "old.json", figure, *others)
    new = write(tmp_path / "new.json", times(figure, 2), others[0], replace(figure, name="new"))
    with pytest.raises(SystemExit, match=r"^slower: a$"):
        compare.main([old, new])
    printed = capsys.readouterr().out
    assert f"only in {old}: old" in printed
    assert f"only in {new}: new" in printed
    assert "2.00" in printed
    compare.main([new, write(tmp_path / "same.json", times(figure, 2))])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "No such file or directory; expected a file that bench.py has written"),
        ("[", "is not a file that bench.py has written; run it again"),
        ("{}", "is not a file that bench.py has written; run it again"),
        ('{"figures": [{"name": "a"}]}', "is not a file that bench.py has written; run it again"),
        ('{"figures": []}', "have no figure in common; run the same groups"),
    ],
)
def test_another_file_is_refused_in_one_line(compare, figure, tmp_path, content, message):
    old = write(tmp_path / "old.json", figure)
    if content is not None:
        (tmp_path / "new.json").write_text(content)
    with pytest.raises(SystemExit, match=message):
        compare.main([old, str(tmp_path / "new.json")])


@pytest.mark.parametrize("value", ["1.0", 0.0, -1.0, float("nan"), True, None])
def test_a_time_that_is_none_is_refused(script, compare, figure, tmp_path, value):
    path = write(tmp_path / "old.json", replace(figure, seconds=value))
    with pytest.raises(SystemExit, match=r"is not a file that bench.py has written"):
        compare.main([path, path])


def test_a_group_is_measured_between_two_measurements_of_the_machine(script, monkeypatch, tmp_path, compare, capsys):
    bench = script("bench")
    rates = iter([(1e11, 1e10), (3e11, 3e10)])
    monkeypatch.setattr(bench, "machine_rates", lambda: next(rates))
    monkeypatch.setattr(bench, "GROUPS", {"none": lambda folder: {"nothing": [1.0, 2.0, 3.0]}})
    bench.main(["--json", str(tmp_path / "bench.json"), "--only", "none"])
    (found,) = json.loads((tmp_path / "bench.json").read_text())["figures"]
    assert found == {"name": "nothing", "seconds": 2.0, "low": 1.0, "high": 3.0, "matmul": 2e11, "memory": 2e10}
    compare.main([str(tmp_path / "bench.json")] * 2)
    with pytest.raises(SystemExit, match="--only: no group some; expected some of none"):
        bench.main(["--json", str(tmp_path / "bench.json"), "--only", "some"])


def test_the_rates_of_a_machine_are_positive(script, monkeypatch):
    bench = script("bench")
    monkeypatch.setattr(bench, "COPIED", 1000)
    assert all(rate > 0 for rate in bench.machine_rates())


@pytest.mark.slow
@pytest.mark.usefixtures("exporting")
@pytest.mark.parametrize("group", ["building", "commands", "scoring"])
def test_the_groups_measure_each_thing_more_than_once(script, monkeypatch, tmp_path, group):
    bench = script("bench")
    monkeypatch.setattr(bench, "REPEATS", 2)
    found = bench.GROUPS[group](tmp_path)
    assert found
    assert all(len(taken) == 2 and min(taken) > 0 for taken in found.values())
