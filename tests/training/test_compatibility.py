from feedbackward.training.compatibility import check_checkpoint


def test_the_checkpoint_that_fits(table):
    checkpoint = {"feedbackward": {"config": {"size": [1, 2]}, "class_table": table.to_dict()}}
    check_checkpoint(checkpoint, config={"size": (1, 2)}, class_table=table)
