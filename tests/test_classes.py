import json

import pytest

from feedbackward.classes import ClassTable, check_classes, void_index
from feedbackward.errors import InputError
from feedbackward.task import class_tasks

TABLE = ClassTable(("road", "sky"), ((128, 64, 128), (70, 130, 180)))


def test_a_table_round_trips_through_plain_data():
    table = ClassTable(("road", "sky"), ((128, 64, 128), (70, 130, 180)), 9, values=(7, 300), void_value=1)
    assert ClassTable.from_dict(json.loads(json.dumps(table.to_dict()))) == table
    assert len(table) == 2


def test_the_mask_values_are_the_indices_by_default():
    assert TABLE.values == (0, 1)
    assert ClassTable(TABLE.names, TABLE.colors, values=(0, 1)) == TABLE


def test_overlapping_classes_have_two_logits_and_two_indices():
    table = ClassTable(("wet", "cracked", "old"), ((0, 0, 0),) * 3, overlapping=True)
    assert (len(table), table.logits, table.values) == (3, 6, (0, 1))
    assert ClassTable.from_dict(json.loads(json.dumps(table.to_dict()))) == table
    (_, cracked, _) = class_tasks(table)
    assert (cracked.name, cracked.classes) == ("cracked", 2)
    assert cracked.class_table == ClassTable(("background", "cracked"), ((0, 0, 0), (0, 0, 0)))
    assert class_tasks(TABLE) == class_tasks(None) == ()


def test_overlapping_classes_are_no_others():
    table = ClassTable(TABLE.names, TABLE.colors, overlapping=True)
    with pytest.raises(InputError, match=r"the file was trained on classes that overlap, but the data has classes of"):
        check_classes(table, TABLE, of="file")
    with pytest.raises(InputError, match="ignore_index 1 is the class 'present'"):
        ClassTable(TABLE.names, TABLE.colors, 1, overlapping=True)
    for name in ("background", "image", ".hidden", "a/b"):
        with pytest.raises(InputError, match=f"overlapping class {name!r}: expected a name that can be a folder's"):
            ClassTable((name,), ((0, 0, 0),), overlapping=True)


@pytest.mark.parametrize(
    ("values", "void", "message"),
    [
        ((0,), 255, r"class names \(2\) and values \(1\) differ in number; expected one value per class"),
        ((0, 65536), 255, "mask value 65536 of class 'sky': expected 0 to 65535"),
        ((0, 1), -1, "mask value -1 of void: expected 0 to 65535"),
        ((3, 3), 255, "mask value 3 belongs to class 'road' and class 'sky'; expected different values"),
        ((0, 255), 255, "mask value 255 belongs to class 'sky' and void; expected different values"),
    ],
)
def test_invalid_mask_values_are_refused(values, void, message):
    with pytest.raises(InputError, match=message):
        ClassTable(TABLE.names, TABLE.colors, values=values, void_value=void)


def test_void_has_a_larger_index_for_more_classes():
    names = tuple(map(str, range(300)))
    colors = ((0, 0, 0),) * 300
    with pytest.raises(InputError, match=r"ignore_index 255 is the class '255'; choose .* such as 65535"):
        ClassTable(names, colors)
    assert len(ClassTable(names, colors, void_index(300), void_value=65535)) == 300


@pytest.mark.parametrize(
    ("names", "colors", "ignore_index", "message"),
    [
        ((), (), 255, "the class table is empty"),
        (("a", ""), ((0, 0, 0),) * 2, 255, r"class names \['a', ''\]: expected a name for each class, found an empty"),
        ((" ",), ((0, 0, 0),), 255, "found an empty one"),
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
