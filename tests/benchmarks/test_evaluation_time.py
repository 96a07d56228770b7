import pytest


def test_more_than_half_the_time_is_a_failure(script, capsys):
    judge = script("evaluation_time").judge
    judge({"official": [2.0, 9.0, 1.0], "feedbackward": [1.0, 0.1, 4.0]})
    assert capsys.readouterr().out.split()[-1] == "0.50"
    with pytest.raises(SystemExit) as caught:
        judge({"official": [2.0], "feedbackward": [1.1]})
    assert caught.value.code == "feedbackward takes more than 0.5 of the time of the official evaluator"
