import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from feedbackward.union_find import first_of_set


@given(st.lists(st.tuples(st.integers(0, 29), st.integers(0, 29)), max_size=60))
def test_the_smallest_thing_that_is_reached(pairs):
    reached = [{thing} for thing in range(30)]
    for _ in range(30):
        for one, other in pairs:
            reached[one] |= reached[other]
            reached[other] |= reached[one]
    one, other = np.array(pairs, np.int64).reshape(-1, 2).T
    assert first_of_set(one, other, 30).tolist() == [min(each) for each in reached]
