"""Every closed form against the fit that it stands for, made anew without what it leaves out."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import softmax
from sklearn.linear_model import Ridge
from sklearn.metrics import log_loss

from sweep.diagnosis.ridge import PENALTIES, RidgeProbe, one_hot, stratified_blocks, stratified_order

FloatArray = NDArray[np.float64]
SHAPES = [(40, 6), (12, 30)]  # more images than features, and fewer


def world(images: int, width: int, targets: int = 2) -> tuple[FloatArray, FloatArray]:
    """Features of unequal scales and centres, correlated, and targets that depend on them."""
    rng = np.random.default_rng(np.random.SeedSequence((1, images, width)))
    features = rng.normal(size=(images, width)) @ rng.normal(size=(width, width)) * rng.uniform(0.1, 50, width) + 7
    return features, features[:, :targets] / 30 + rng.normal(size=(images, targets)) + 3


def weight_of(features: FloatArray, penalty: float) -> float:
    """The penalty in mean eigenvalues other than 0, of centred features."""
    return penalty * float(np.sum(features**2)) / int(np.linalg.matrix_rank(features))


def standardised(features: FloatArray) -> FloatArray:
    return np.asarray((features - features.mean(axis=0)) / features.std(axis=0))


def refitted(features: FloatArray, targets: FloatArray, weight: float, images: list[int]) -> FloatArray:
    """What scikit-learn's ridge, fitted to some images, says of all."""
    model = Ridge(alpha=weight, solver="svd").fit(features[images], targets[images])
    return np.asarray(model.predict(features)).reshape(targets.shape)


@pytest.mark.parametrize("penalty", [1e-3, 1.0])
@pytest.mark.parametrize(("images", "width"), SHAPES)
def test_the_fit_is_scikit_learns_and_the_normal_equations(images: int, width: int, penalty: float) -> None:
    features, targets = world(images, width)
    probe, scaled = RidgeProbe(features), standardised(features)
    weight = weight_of(scaled, penalty)
    assert probe.fitted(targets, penalty) == pytest.approx(refitted(scaled, targets, weight, list(range(images))))
    # By hand, with a column of ones that is not penalised.
    design = np.column_stack([np.ones(images), scaled])
    normal = design.T @ design + weight * np.diag([0.0] + [1.0] * width)
    assert probe.fitted(targets, penalty) == pytest.approx(design @ np.linalg.solve(normal, design.T @ targets))


@pytest.mark.parametrize("penalty", [1e-3, 0.1, 10.0])
@pytest.mark.parametrize(("images", "width"), SHAPES)
def test_an_image_is_predicted_by_the_fit_to_all_others(images: int, width: int, penalty: float) -> None:
    features, targets = world(images, width)
    scaled = standardised(features)
    found = RidgeProbe(features).held_out(targets, penalty)
    for left_out in range(images):
        others = [image for image in range(images) if image != left_out]
        explicit = refitted(scaled, targets, weight_of(scaled, penalty), others)[left_out]
        assert found[left_out] == pytest.approx(explicit)


@pytest.mark.parametrize("penalty", [1e-3, 0.1, 10.0])
@pytest.mark.parametrize(("images", "width"), SHAPES)
def test_a_block_is_predicted_by_the_fit_to_all_others(images: int, width: int, penalty: float) -> None:
    features, targets = world(images, width)
    scaled = standardised(features)
    # Of unequal sizes, out of order; the last three images are in none of them.
    blocks = [np.array([4, 0, 7]), np.array([1]), np.array([2, 3, 5, 6, 8])]
    probe = RidgeProbe(features)
    found = probe.held_out(targets, penalty, blocks)
    for block in blocks:
        others = [image for image in range(images) if image not in block]
        explicit = refitted(scaled, targets, weight_of(scaled, penalty), others)
        assert found[block] == pytest.approx(explicit[block])
    assert found[9:] == pytest.approx(probe.fitted(targets, penalty)[9:])


@pytest.mark.parametrize(("images", "width"), SHAPES)
def test_blocks_of_one_image_are_leaving_it_out(images: int, width: int) -> None:
    features, targets = world(images, width)
    probe = RidgeProbe(features)
    alone = [np.array([image]) for image in range(images)]
    assert probe.held_out(targets, 0.01, alone) == pytest.approx(probe.held_out(targets, 0.01))


@pytest.mark.parametrize(("images", "width"), SHAPES)
@pytest.mark.parametrize("fitted", [3, 6, 7, 11, 39])
@pytest.mark.parametrize("penalty", [1e-3, 1.0])
def test_a_fit_to_some_images_counts_the_penalty_in_their_own_eigenvalues(
    images: int, width: int, fitted: int, penalty: float
) -> None:
    features, targets = world(images, width)
    scaled = standardised(features)
    some = np.random.default_rng(8).permutation(images)[:fitted]  # of 12 images, all of them
    weight = weight_of(scaled[some] - scaled[some].mean(axis=0), penalty)
    explicit = refitted(scaled, targets, weight, some.tolist())
    assert RidgeProbe(features).fitted_to(some, targets, penalty) == pytest.approx(explicit)


def test_a_fit_to_all_images_is_the_same_either_way() -> None:
    features, targets = world(40, 6)
    probe = RidgeProbe(features)
    assert probe.fitted_to(np.arange(40), targets, 0.1) == pytest.approx(probe.fitted(targets, 0.1))


@pytest.mark.parametrize(("images", "width"), SHAPES)
def test_other_images_are_predicted_in_the_scale_of_the_fitted_ones(images: int, width: int) -> None:
    features, targets = world(images + 5, width)
    probe = RidgeProbe(features[:images])
    scaled = (features - features[:images].mean(axis=0)) / features[:images].std(axis=0)
    explicit = refitted(scaled, targets, weight_of(scaled[:images], 0.1), list(range(images)))[images:]
    assert probe.predict(targets[:images], 0.1, features[images:]) == pytest.approx(explicit)
    assert probe.predict(targets[:images], 0.1, features[:images]) == pytest.approx(probe.fitted(targets[:images], 0.1))


@pytest.mark.parametrize(("images", "width"), SHAPES)
def test_scale_centre_and_constant_features_change_nothing(images: int, width: int) -> None:
    features, targets = world(images, width)
    plain = RidgeProbe(features)
    wider = np.column_stack([np.zeros(images), features, np.full(images, 1e4)]) * 1e-12
    wider[0, -1] *= 1 + 1e-7  # what float32 makes of a constant
    probe = RidgeProbe(wider)
    for penalty in PENALTIES:
        assert probe.held_out(targets, penalty) == pytest.approx(plain.held_out(targets, penalty))
        assert probe.degrees_of_freedom(penalty) == pytest.approx(plain.degrees_of_freedom(penalty))


def test_features_that_are_all_constant_leave_the_mean_of_the_others() -> None:
    probe = RidgeProbe(np.ones((4, 3)))
    targets = np.array([[1.0], [2.0], [3.0], [6.0]])
    assert probe.fitted(targets, 1.0).tolist() == [[3.0]] * 4
    assert probe.held_out(targets, 1.0).ravel() == pytest.approx([11 / 3, 10 / 3, 3, 2])
    assert probe.held_out(targets, 1.0, [np.array([0, 3])]).ravel() == pytest.approx([2.5, 3, 3, 2.5])
    assert probe.fitted_to(np.array([0, 1]), targets, 1.0).ravel() == pytest.approx([1.5] * 4)
    assert probe.predict(targets, 1.0, np.zeros((2, 3))).tolist() == [[3.0]] * 2
    assert probe.degrees_of_freedom(1.0) == 0.0


def test_an_image_with_a_feature_of_its_own_is_still_left_out_exactly() -> None:
    features, targets = world(40, 6)
    features = np.column_stack([features, np.eye(40)[5]])
    scaled = standardised(features)
    others = [image for image in range(40) if image != 5]
    explicit = refitted(scaled, targets, weight_of(scaled, 1e-3), others)[5]
    assert RidgeProbe(features).held_out(targets, 1e-3)[5] == pytest.approx(explicit)


def test_degrees_of_freedom_are_the_trace_of_the_hat_matrix_without_the_intercept() -> None:
    features, _ = world(12, 30)
    probe = RidgeProbe(features)
    for penalty in PENALTIES:
        assert probe.degrees_of_freedom(penalty) == pytest.approx(np.trace(probe.fitted(np.eye(12), penalty)) - 1)


def test_the_features_given_are_left_as_they_are() -> None:
    features, targets = world(12, 30)
    before = features.copy()
    RidgeProbe(features).held_out(targets, 1.0)
    assert np.array_equal(features, before)


@pytest.mark.parametrize("blocks", [None, [np.array([0])]])
def test_a_single_image_has_nothing_to_be_predicted_from(blocks: list[NDArray[np.int64]] | None) -> None:
    with pytest.raises(ValueError, match="expected images to fit to beside the 1 that"):
        RidgeProbe(np.ones((1, 2))).held_out(np.ones((1, 1)), 1.0, blocks)


def test_features_that_are_not_finite_are_refused() -> None:
    with pytest.raises(ValueError, match="expected finite features"):
        RidgeProbe([[1.0, np.nan], [0.0, 1.0]])


def nats(told: FloatArray, labels: NDArray[np.int64]) -> float:
    """Cross-entropy of predictions as logits at the best scale there is."""
    logits = told / np.sqrt(np.square(told - told.mean(axis=1, keepdims=True)).mean())
    scores = (log_loss(labels, softmax(scale * logits, axis=1)) for scale in np.geomspace(0.25, 32, 60))
    return float(min(scores))


@pytest.mark.parametrize("images", [60, 150])
@pytest.mark.parametrize("left_out", [1, 5])
def test_the_chosen_penalty_has_the_least_cross_entropy_of_held_out_images(images: int, left_out: int) -> None:
    rng = np.random.default_rng(np.random.SeedSequence((2, images)))
    labels = rng.permutation(np.arange(images) % 3)
    features = rng.normal(size=(images, 40))
    features[:, :12] += 0.8 * np.repeat(np.eye(3), 4, axis=1)[labels]
    blocks = None if left_out == 1 else np.split(rng.permutation(images), images // left_out)
    probe, targets = RidgeProbe(features), one_hot(labels, 3)
    chosen = probe.chosen_penalty(targets, blocks)
    costs = {penalty: nats(probe.held_out(targets, penalty, blocks), labels) for penalty in np.geomspace(1e-3, 10, 9)}
    assert nats(probe.held_out(targets, chosen, blocks), labels) == pytest.approx(min(costs.values()), abs=2e-3)
    assert max(costs.values()) > min(costs.values()) + 0.05


def test_classes_that_are_cut_exactly_are_hardly_shrunk_and_faint_ones_are() -> None:
    rng = np.random.default_rng(np.random.SeedSequence((2,)))
    directions = rng.normal(size=(400, 5)) * [1.0, 1.0, 1.0, 1.0, 0.05]
    directions = directions @ rng.normal(size=(5, 5))
    cut = directions @ np.linalg.inv(directions.T @ directions)[:, 0]
    exact = one_hot((cut > np.median(cut)).astype(np.int64), 2)
    assert RidgeProbe(directions).chosen_penalty(exact) <= 0.01
    labels = np.arange(100) % 2
    faint = rng.normal(size=(100, 200)) + 0.1 * rng.choice([-1, 1], size=200) * (2 * labels[:, None] - 1)
    probe, targets = RidgeProbe(faint), one_hot(labels, 2)
    assert probe.chosen_penalty(targets) >= 0.3
    # Judged on the images of the blocks alone: the fit to the others is no prediction.
    assert probe.chosen_penalty(targets, np.split(np.arange(40), 8)) >= 0.1


def test_one_hot_is_a_column_a_class() -> None:
    assert one_hot([1, 0, 1], 3).tolist() == [[0, 1, 0], [1, 0, 0], [0, 1, 0]]


def test_every_stretch_of_the_order_has_the_classes_in_their_shares() -> None:
    labels = np.repeat([0, 1, 2], [200, 80, 20])
    order, ends = stratified_order(labels, np.random.default_rng(3))
    assert sorted(order) == list(range(300))
    assert ends.tolist() == list(range(1, 301))
    for start in range(0, 300, 30):
        counts = np.bincount(labels[order[start : start + 30]], minlength=3)
        assert np.abs(counts - [20, 8, 2]).max() <= 2
    other, _ = stratified_order(labels, np.random.default_rng(4))
    assert not np.array_equal(order, other)


def test_sources_stay_whole_and_count_for_their_main_class() -> None:
    groups = np.repeat(np.arange(40), 5)
    labels = np.repeat(np.arange(40) % 2, 5)
    labels[::5] = 1 - labels[::5]  # one image of each source is of the other class
    order, ends = stratified_order(labels, np.random.default_rng(5), groups)
    assert ends.tolist() == list(range(5, 201, 5))
    sources = groups[order].reshape(40, 5)
    assert (sources == sources[:, :1]).all()
    assert all(sorted(sources[start : start + 2, 0] % 2) != [0, 0] for start in range(0, 40, 20))
    assert np.bincount(sources[:20, 0] % 2).tolist() == pytest.approx([10, 10], abs=1)


def test_blocks_part_the_images_and_no_source() -> None:
    labels = np.arange(103) % 4
    blocks = stratified_blocks(labels, 10, np.random.default_rng(6))
    assert sorted(np.concatenate(blocks)) == list(range(103))
    assert {len(block) for block in blocks} == {10, 11}
    groups = np.random.default_rng(7).integers(12, size=103)
    whole = stratified_blocks(labels, 10, np.random.default_rng(6), groups)
    assert sorted(np.concatenate(whole)) == list(range(103))
    assert sum(len(np.unique(groups[block])) for block in whole) == 12
    assert len(stratified_blocks(labels[:3], 10, np.random.default_rng(6))) == 3
