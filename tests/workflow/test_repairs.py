"""What can be run of a finding's remedies, alone and together."""

from __future__ import annotations

from sweep.diagnosis.remedy import Promise
from sweep.records import Cause, Finding, Interval, Remedy, Scalar
from sweep.workflow.repairs import Repair, repairs_of, together

EFFECT = Interval(estimate=0.1, low=0.05, high=0.15)


def finding(cause: Cause, *changes: dict[str, Scalar], rows: tuple[int, ...] = ()) -> Finding:
    remedies = tuple(Remedy(sentence="Do it.", changes=one) for one in changes)
    return Finding(cause=cause, effect=EFFECT, p=0.001, summary="", remedies=remedies, rows=rows)


def test_remedies_that_change_fields_come_in_their_order() -> None:
    found = list(repairs_of(finding(Cause.CAPACITY, {"model.head_width": "none"}, {}, {"model.dropout": 0.5})))
    assert [one.changes for one in found] == [{"model.head_width": "none"}, {"model.dropout": 0.5}]
    assert {(one.causes, one.promise) for one in found} == {((Cause.CAPACITY,), Promise.GAP)}


def test_wrong_labels_are_left_out_of_both_sides_of_the_comparison() -> None:
    (leak,) = repairs_of(finding(Cause.LEAK, {"data.deduplicate": True}, rows=(4, 9)))
    assert (leak.left_out, leak.compared_without, leak.changes) == ((4, 9), False, {})
    (labels,) = repairs_of(finding(Cause.LABEL_NOISE, rows=(2,)))
    assert (labels.left_out, labels.compared_without) == ((2,), True)


def test_rows_of_other_causes_are_evidence_alone() -> None:
    (bursts,) = repairs_of(finding(Cause.BURSTS, {"data.group": "folder"}, rows=(1, 2)))
    assert (bursts.left_out, bursts.changes) == ((), {"data.group": "folder"})
    assert list(repairs_of(finding(Cause.BURSTS, rows=(1, 2)))) == []


def test_a_wrong_reading_has_nothing_to_run() -> None:
    assert list(repairs_of(finding(Cause.BOOKKEEPING, {"training.shuffle": True}))) == []


def repair(cause: Cause, promise: Promise, changes: dict[str, Scalar]) -> Repair:
    return Repair(causes=(cause,), promise=promise, changes=changes)


def test_together_the_earlier_one_has_the_last_word() -> None:
    pixels = repair(Cause.PREPROCESSING, Promise.ACCURACY, {"model.preprocessing": "auto"})
    head = repair(Cause.BOTTLENECK, Promise.ACCURACY, {"model.dropout": 0.2, "model.head_width": "none"})
    gap = repair(Cause.CAPACITY, Promise.GAP, {"model.dropout": 0.5, "model.l2": 0.1})
    found = together([pixels, head, gap])
    assert found is not None
    assert found.changes == {
        "model.preprocessing": "auto",
        "model.dropout": 0.2,
        "model.head_width": "none",
        "model.l2": 0.1,
    }
    assert found.causes == (Cause.PREPROCESSING, Cause.BOTTLENECK, Cause.CAPACITY)
    assert found.promise is Promise.ACCURACY
    both = together([gap, repair(Cause.IDLE_DROPOUT, Promise.GAP, {"model.dropout": 0.4})])
    assert both is not None
    assert both.promise is Promise.GAP


def test_an_honest_number_is_no_part_of_it() -> None:
    head = repair(Cause.BOTTLENECK, Promise.ACCURACY, {"model.dropout": 0.2})
    again = repair(Cause.BOTTLENECK, Promise.ACCURACY, {"model.head_width": "none"})
    bursts = repair(Cause.BURSTS, Promise.HONESTY, {"data.group": "folder"})
    labels = Repair(causes=(Cause.LABEL_NOISE,), promise=Promise.ACCURACY, changes={}, left_out=(1,))
    assert together([head, bursts]) is None
    assert together([head, again]) is None
    assert together([head, labels]) is None
    assert together([]) is None


def test_a_hypermodel_hears_nothing_of_the_model_table() -> None:
    given = finding(Cause.CONFUSABLE_CLASSES, {"model.unfrozen_layers": 20}, {"training.epochs": 30})
    assert [one.changes for one in repairs_of(given, hypermodel=True)] == [{"training.epochs": 30}]
    assert len(list(repairs_of(given))) == 2


def test_copies_are_those_of_the_studys_own_split() -> None:
    (leak,) = repairs_of(finding(Cause.LEAK, rows=(4,)))
    (labels,) = repairs_of(finding(Cause.LABEL_NOISE, rows=(4,)))
    assert (leak.own_split, labels.own_split) == (True, False)
