"""Causes that lie in the images, their labels and how they were split."""

from __future__ import annotations

from sweep.diagnosis.cause_text import CauseText, Group, Source
from sweep.records import Cause

__all__ = ["DATA"]

_LEAK = CauseText(
    cause=Cause.LEAK,
    group=Group.DATA,
    title="Copies of one image in training and validation",
    what="Some validation images stand in training too: the same file, or the same image compressed again, resized, "
    "cropped, brightened or mirrored.",
    why="The network has seen the answers. Validation accuracy is too high and the gap too small; on new images it "
    "does worse than you think. Of the test images of CIFAR-10 and CIFAR-100, 3.3 % and 10 % have a copy in training.",
    sign="Nothing in the curves, but a gap that is too good. Validation images with a copy do far better than those "
    "without. Different images of one object are `bursts`, not copies.",
    measured="Equal files and equal pixels come first; under two labels they contradict each other. For other copies, "
    "features propose pairs and pixels decide: alike by a perceptual hash and by correlation, aligned, and far closer "
    "than the images next to them. How often chance does that is measured on pairs of different classes among your "
    "own images. Effect: the share of validation with a copy in training, beyond such chance; accuracy without the "
    "copies is told beside it.",
    remedy="`data.deduplicate = true` drops equal files, of one under two labels all; a split that is drawn keeps "
    "them on one side in any case. Name the other copies' files in `data.exclude`, or let `data.group` keep images of "
    "one source on one side. Then measure again.",
    sources=(
        Source(
            "Barz, Denzler",
            "Do We Train on Test Data? Purging CIFAR of Near-Duplicates",
            2020,
            "https://arxiv.org/abs/1902.00423",
        ),
        Source(
            "Kapoor, Narayanan",
            "Leakage and the Reproducibility Crisis in ML-based Science",
            2022,
            "https://arxiv.org/abs/2207.07048",
        ),
    ),
)

_BURSTS = CauseText(
    cause=Cause.BURSTS,
    group=Group.DATA,
    title="Images of one source on both sides of the split",
    what="Images come in families: frames of a video, shots of one object, slices of one patient. A split image by "
    "image puts part of a family into training and the rest into validation.",
    why="Validation asks about objects that were seen in training. Accuracy is too high, the gap too small, and the "
    "first new object brings it out: splitting brain scans by slice instead of by patient added 29 to 55 points, and "
    "labels drawn at random still scored 96 %.",
    sign="Accuracy near 100 % that falls once whole sources are held out. Equal images are `leak`. If the gap stays "
    "after a split by source, it is real: `few-images`, few sources that is, or `shift`.",
    measured="A linear classifier on the features predicts each image twice: held out at random, and with its whole "
    "source held out, as many of each class at a time. Effect: the accuracy lost, paired by image and tested over "
    "sources. Where no source is known (`data.group`), images far closer to each other than their surroundings "
    "explain count as one. No source on two sides: excluded.",
    remedy='`data.group = "folder"`, or a regular expression whose first group names the source: split, folds and '
    "intervals then keep sources whole. The gap you see will grow; it was there before.",
    sources=(
        Source(
            "Yagis and others",
            "Effect of data leakage in brain MRI classification using 2D convolutional neural networks",
            2021,
            "https://www.nature.com/articles/s41598-021-01681-w",
        ),
        Source(
            "Roberts and others",
            "Cross-validation strategies for data with temporal, spatial, hierarchical, or phylogenetic structure",
            2017,
            "https://doi.org/10.1111/ecog.02881",
        ),
    ),
)

_SHORTCUT = CauseText(
    cause=Cause.SHORTCUT,
    group=Group.DATA,
    title="Classes that size or format of the file gives away",
    what="Width, height, shape or format of the files differ from class to class, because the classes were collected "
    "in different ways. Stretched to one size, the images can be told apart without a look at the object.",
    why="Training and validation share the shortcut: both are high and the gap is small. Images that were collected "
    "otherwise lack it, and there accuracy breaks down.",
    sign="Nothing in the curves: good numbers, and early. With `leak` and `bursts` validation repeats images or "
    "objects; here every image is new. With `shift` validation suffers already.",
    measured="A small classifier is given the measures of the file (width, height, their ratio), no pixel, and "
    "predicts held-out images. Effect: its accuracy, every class counting the same, above chance; p from shuffled "
    "labels, those of a source moved together. It shows that the shortcut exists, not that your network takes it.",
    remedy="Crop or pad all images to one shape before they are resized, save them in one format, and collect all "
    "classes in the same way. A different split does not help.",
    sources=(
        Source(
            "Geirhos and others", "Shortcut Learning in Deep Neural Networks", 2020, "https://arxiv.org/abs/2004.07780"
        ),
        Source("Torralba, Efros", "Unbiased Look at Dataset Bias", 2011, "https://doi.org/10.1109/CVPR.2011.5995347"),
    ),
)

_SHIFT = CauseText(
    cause=Cause.SHIFT,
    group=Group.DATA,
    title="Validation images of another kind than in training",
    what="The two sides are not drawn from one pool: another camera, day or place, another mix of classes, or folders "
    "of classes that are numbered differently.",
    why="The network does well on new images of the training kind and badly on validation. The gap is real, and "
    "neither dropout nor a smaller head closes it: validation asks what was never taught.",
    sign="Cross-validation within training is far above validation. With `few-images` it is as low as validation. "
    "Accuracy below chance, in a confusion matrix that is good once its columns change places, is a matter of "
    "numbering.",
    measured="A linear classifier tries to tell by the features on which side an image stands; what it reaches by "
    "chance is found by shuffling the sides and doing all of it again. Harm is asked for as well: accuracy on "
    "training images that were held out less that on validation, which is the effect. Both must be significant. If "
    "reading the classes in another order undoes most of the loss, that is said.",
    remedy="Let the split be drawn: one folder of classes instead of train/ and val/, `data.validation = 0.2`, which "
    "has the same share of each class. If validation is the world that matters, collect training images like it. "
    "Wrong numbering: give the folders of both sides the same names.",
    sources=(
        Source("Lopez-Paz, Oquab", "Revisiting Classifier Two-Sample Tests", 2017, "https://arxiv.org/abs/1610.06545"),
        Source(
            "Rabanser, Günnemann, Lipton",
            "Failing Loudly: An Empirical Study of Methods for Detecting Dataset Shift",
            2019,
            "https://arxiv.org/abs/1810.11953",
        ),
    ),
)

_LABEL_NOISE = CauseText(
    cause=Cause.LABEL_NOISE,
    group=Group.DATA,
    title="Wrong labels",
    what="Part of the images lie in the wrong class. Ten well-known test sets have at least 3.3 % of such labels on "
    "average.",
    why="With a share r of wrong labels, validation accuracy cannot pass about 1 − r. A large head learns those of "
    "training by heart, so training goes to 100 % and validation does not: a gap made of labels.",
    sign="Training comes to 100 % late, its worst images last, and validation is best early. `capacity` and "
    "`few-images` look alike in the curves. With `confusable-classes` the doubtful images lie between two classes; "
    "wrong labels lie far inside another one.",
    measured="A linear classifier predicts each image without having seen it. Counted are labels that it finds "
    "improbable while it is sure of another class (confident learning). To calibrate, 5 % of the labels are changed "
    "on purpose: how many of those are caught, and how many good ones accused, corrects the rate and its bootstrap "
    "interval. Effect: the share of wrong labels.",
    remedy="Look at the images shown, the surest first; move them to their class or name them in `data.exclude`, and "
    "run again. `training.label_smoothing` makes the loss milder, not the labels right.",
    sources=(
        Source(
            "Northcutt, Jiang, Chuang",
            "Confident Learning: Estimating Uncertainty in Dataset Labels",
            2021,
            "https://arxiv.org/abs/1911.00068",
        ),
        Source(
            "Northcutt, Athalye, Mueller",
            "Pervasive Label Errors in Test Sets Destabilize Machine Learning Benchmarks",
            2021,
            "https://arxiv.org/abs/2103.14749",
        ),
    ),
)

_CLASS_BIAS = CauseText(
    cause=Cause.CLASS_BIAS,
    group=Group.DATA,
    title="One class that is predicted too often",
    what="The network names one class far more often than it occurs, in the extreme for every image.",
    why="Images of the other classes are lost to it, and validation accuracy with them. Where it happens on "
    "validation alone it makes the gap; where on training too, both numbers are low.",
    sign="One full column in the confusion matrix. If it is there on validation only, and not with batch norm on the "
    "batch's statistics: `batch-norm`. If on clean training images as well: `learning-rate`, the head, or "
    "`not-training`. If the class is the commonest one: uneven classes. Errors between two classes both ways: "
    "`confusable-classes`.",
    measured="For each class: the images that it takes from others against those of its own that it loses, an exact "
    "paired test (McNemar), corrected for the number of classes. Effect: the largest excess of a predicted share over "
    "the true one on the same validation images. Recall of each class with its interval (Wilson) stands beside it.",
    remedy='Uneven classes: `training.class_weight = "balanced"`, or more images of the rare ones. Otherwise mend the '
    "cause that the signs name.",
    sources=(
        Source("Menon and others", "Long-tail learning via logit adjustment", 2021, "https://arxiv.org/abs/2007.07314"),
        Source(
            "Lipton, Wang, Smola",
            "Detecting and Correcting for Label Shift with Black Box Predictors",
            2018,
            "https://arxiv.org/abs/1802.03916",
        ),
    ),
)

_IMBALANCE = CauseText(
    cause=Cause.IMBALANCE,
    group=Group.DATA,
    title="Rare classes that are found less often than others",
    what="Some classes have a third of the images of the commonest one or less, and the network finds them less often "
    "than the others.",
    why="Training and validation are as uneven as each other, so both numbers are high while a rare class is hardly "
    "ever found; where it matters, in use, the network is worse than its number.",
    sign="Low recall of the rare classes, high recall of the commonest, and a balanced accuracy below accuracy. Where "
    "one class takes more images than it loses: `class-bias` as well. Where rare classes are found as often as others "
    "their number does no harm.",
    measured="A linear probe on the frozen features classifies each image without having seen it or another of its "
    "source. Effect: by how much its accuracy lies above its balanced accuracy, in which every class counts alike. p: "
    "whether a source is classified rightly, permuted among all. What weighting the classes alike would give back "
    "stands beside it.",
    remedy='`training.class_weight = "balanced"`, or more images of the rare classes. Quote balanced accuracy.',
    sources=(
        Source(
            "Brodersen and others",
            "The balanced accuracy and its posterior distribution",
            2010,
            "https://doi.org/10.1109/ICPR.2010.764",
        ),
        Source("Menon and others", "Long-tail learning via logit adjustment", 2021, "https://arxiv.org/abs/2007.07314"),
    ),
)

DATA = (_LEAK, _BURSTS, _SHORTCUT, _SHIFT, _LABEL_NOISE, _IMBALANCE, _CLASS_BIAS)
"""In the order of the verdict."""
