import pytest

from feedbackward.classes import ClassTable, check_classes
from feedbackward.errors import InputError

TABLE = ClassTable(("road", "sky"), ((128, 64, 128), (70, 130, 180)))


def test_a_table_round_trips_through_plain_data():
    table = ClassTable(("road", "sky"), ((128, 64, 128), (70, 130, 180)), ignore_index=9)
    assert ClassTable.from_dict(table.to_dict()) == table
    assert len(table) == 2


@pytest.mark.parametrize(
    ("names", "colors", "ignore_index", "message"),
    [
        ((), (), 255, "the class table is empty"),
        (("a", "b", "a"), ((0, 0, 0),) * 3, 255, r"class names \['a'\] occur more than once"),
        (("a", "b"), ((0, 0, 0),), 255, r"class names \(2\) and colors \(1\) differ in number"),
        (("a",), ((0, 0, 256),), 255, r"color \(0, 0, 256\) of class 'a': expected three values"),
        (("a",), ((0, 0),), 255, r"color \(0, 0\) of class 'a': expected three values"),
        (("a",), ((0, 0, 0),), 0, "ignore_index 0 is the class 'a'; choose a value that is not a class"),
    ],
)
def test_an_invalid_table_is_refused(names, colors, ignore_index, message):
    with pytest.raises(InputError, match=message):
        ClassTable(names, colors, ignore_index)


def test_a_network_has_the_classes_of_the_data():
    check_classes(ClassTable(TABLE.names, ((0, 0, 0), (1, 1, 1))), TABLE, of="network")
    with pytest.raises(InputError, match=r"the network has no class names; set .* class_table before saving"):
        check_classes(None, TABLE, of="network")
    with pytest.raises(InputError, match=r"trained on 1 classes \(road\), but the data has 2 \(road, sky\)"):
        check_classes(ClassTable(("road",), ((0, 0, 0),)), TABLE, of="network")
