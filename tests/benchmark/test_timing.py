from feedbackward.benchmark.timing import WARM_UP, median_and_quartiles, time_interleaved


def test_calls_take_turns_after_a_warm_up():
    order = []
    times = time_interleaved([lambda: order.append("a"), lambda: order.append("b")], repeats=3)
    assert "".join(order) == "a" * WARM_UP + "b" * WARM_UP + "ab" * 3
    assert [len(taken) for taken in times] == [3, 3]


def test_median_and_quartiles():
    assert median_and_quartiles([4.0, 1.0, 2.0, 7.0, 3.0, 5.0, 6.0]) == (4.0, (2.0, 6.0))
    assert median_and_quartiles([4.0]) == (4.0, (4.0, 4.0))
