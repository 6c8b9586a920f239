"""Causes that lie in the model and in how it is optimised."""

from __future__ import annotations

from sweep.diagnosis.cause_text import CauseText, Group, Source
from sweep.records import Cause

__all__ = ["FIT"]

_BOTTLENECK = CauseText(
    cause=Cause.BOTTLENECK,
    group=Group.FIT,
    title="A head too narrow for the answer to pass",
    what="Somewhere between the features and the classes the head passes on too little: a dense layer of a few units, "
    "high dropout on it, or ReLUs that are 0 for every image.",
    why="What the features know is lost on the way. Training is held down with validation, so the gap is small or "
    "negative and looks healthy, and the training curve says nothing about your data.",
    sign="Logged training accuracy stands still far below what a linear classifier makes of the same features, and "
    "validation is above it. With `training-mode` the head is good once measured clean. With `weak-features` the "
    "linear classifier is poor too.",
    measured="The configuration against a head of one linear layer, without dropout, trained on the same features: "
    "effect is the validation accuracy gained, paired by image; clean training must lie below the linear head as "
    "well. By arithmetic, of h units with dropout p all are off in p^h of the cases, and no more than 1 − p^h (1 − "
    "1/K) of the training answers can be right under dropout: of 4 units at p = 0.8 and K = 4 classes, 41 % and 69 %.",
    remedy="`model.head_width = []`, from the pooled features straight to the classes, or a width well above the "
    'number of classes; `model.dropout = 0.5` at most; against dead units `model.kernel_initializer = "he_uniform"`.',
    sources=(
        Source(
            "Srivastava, Hinton, Krizhevsky, Sutskever, Salakhutdinov",
            "Dropout: A Simple Way to Prevent Neural Networks from Overfitting",
            2014,
            "https://jmlr.org/papers/v15/srivastava14a.html",
        ),
        Source(
            "Lu, Shin, Su, Karniadakis",
            "Dying ReLU and Initialization: Theory and Numerical Examples",
            2019,
            "https://arxiv.org/abs/1903.06733",
        ),
    ),
)

_OVER_REGULARIZED = CauseText(
    cause=Cause.OVER_REGULARIZED,
    group=Group.FIT,
    title="Too much regularisation",
    what="Penalties (L1, L2, weight decay), dropout or augmentation are so strong that the network cannot fit its own "
    "training images.",
    why="Both numbers fall together and the gap closes, for want of anything that could fail on new images. Ranked by "
    "the gap alone, such a network comes first.",
    sign="Clean training about as low as validation, both below a linear classifier on the features; the penalty is a "
    "large part of the loss. The same numbers with a loss that still falls at the end are `learning-rate`; with a "
    "narrow layer, `bottleneck`; with a poor linear classifier, `weak-features`.",
    measured="Trained again with each regulariser at a tenth or off, same seeds and batches. Effect: the validation "
    "accuracy that the best of them gains, paired by image, the choice among them accounted for.",
    remedy="Take the weaker value that the finding names, of `model.l2`, `model.l1`, `model.activity_l2`, "
    "`model.dropout`, `training.weight_decay` or `training.augment_views`.",
    sources=(
        Source("Goodfellow, Bengio, Courville", "Deep Learning, chapter 7", 2016, "https://www.deeplearningbook.org"),
    ),
)

_LEARNING_RATE = CauseText(
    cause=Cause.LEARNING_RATE,
    group=Group.FIT,
    title="A learning rate, or a number of epochs, that does not fit",
    what="Too high, and every step jumps over the valley. Too low, or too few epochs, and training ends before the "
    "network has learnt what it could.",
    why="Undertrained, both numbers are low and the gap is small: it looks well-behaved. Too high, validation swings "
    "and the weights that are kept are those of a lucky moment.",
    sign="Too high: spikes in the loss, validation up and down by turns. Too low or too short: clean training loss "
    "still falls in the last epochs. It has come to rest with `over-regularized`; validation that swings while "
    "training is smooth is `batch-norm` or `small-validation`.",
    measured="Trained again at a 5th, a 25th, 5 and 25 times the learning rate, and for more epochs, same seeds. "
    "Effect: the validation accuracy that the best of them gains, or the cross-entropy where accuracy shows nothing, "
    "paired by image, the choice among them accounted for. "
    "Beside it: the slope of clean training loss over the last epochs (Theil and Sen) and how often validation "
    "changes direction.",
    remedy="`training.learning_rate` times or divided by 3, or more `training.epochs`, as the finding says. "
    '`training.schedule = "cosine"` ends with small steps; `training.warmup_epochs = 1` begins with them.',
    sources=(
        Source(
            "Smith", "Cyclical Learning Rates for Training Neural Networks", 2017, "https://arxiv.org/abs/1506.01186"
        ),
    ),
)

_WEAK_FEATURES = CauseText(
    cause=Cause.WEAK_FEATURES,
    group=Group.FIT,
    title="Frozen features that do not know your images",
    what="The backbone learnt from everyday photos. What it extracts from yours (X-rays, radar, microscopy) does not "
    "tell the classes apart.",
    why="Training and validation are both low, unless a large head learns the training images by heart. No head, "
    "dropout or penalty can put back what the features lack.",
    sign="Every head is poor, the linear classifier too. If any is good, it is another cause: `bottleneck`, "
    "`learning-rate`, `over-regularized` or `batch-norm`. `preprocessing` looks exactly like this and is ruled out "
    "first.",
    measured="The best held-out accuracy of linear classifiers and nearest neighbours on the features, against the "
    "best that is known to be possible on the same images: a trial with unfrozen layers, another backbone, or the "
    "accuracy you ask for. Effect: what is lacking to it. Without any of these, features are called weak only where "
    "they give less than 15 % of the way from chance to certainty.",
    remedy="Train the head first and then the last layers with it, batch norm frozen: `model.unfrozen_layers = 20`, "
    "`training.head_epochs = 3`. Or another `model.backbone`, or `model.weights`, a file of weights learnt from "
    "images more like yours.",
    sources=(
        Source(
            "Alain, Bengio",
            "Understanding intermediate layers using linear classifier probes",
            2017,
            "https://arxiv.org/abs/1610.01644",
        ),
        Source(
            "Kornblith, Shlens, Le",
            "Do Better ImageNet Models Transfer Better?",
            2019,
            "https://arxiv.org/abs/1805.08974",
        ),
        Source(
            "Raghu, Zhang, Kleinberg, Bengio",
            "Transfusion: Understanding Transfer Learning for Medical Imaging",
            2019,
            "https://arxiv.org/abs/1902.07208",
        ),
    ),
)

_RESOLUTION = CauseText(
    cause=Cause.RESOLUTION,
    group=Group.FIT,
    title="Images shrunk until the difference is gone",
    what="Images are resized to `data.image_size` before the network sees them. A difference between classes that is "
    "finer than a pixel of that is gone.",
    why="Validation pays for it. Training may not: a large head learns the shrunken images by heart, and the gap is "
    "wider than at full size.",
    sign="Errors on images that you can tell apart in the file, but not in a thumbnail of that size. What nobody can "
    "tell apart at full size either is `confusable-classes`; what no size helps is `weak-features`.",
    measured="Linear classifiers on the frozen features at the study's size and at larger ones, on the same held-out "
    "images. Effect: the accuracy gained by the best larger size, paired, the choice among the sizes accounted for.",
    remedy="`data.image_size` as the finding names it; the time of a pass grows with its square. Where the object "
    "fills a small part of the image, crop to it first.",
    sources=(
        Source(
            "Tan, Le",
            "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks",
            2019,
            "https://arxiv.org/abs/1905.11946",
        ),
    ),
)

_CAPACITY = CauseText(
    cause=Cause.CAPACITY,
    group=Group.FIT,
    title="A head large enough to learn images by heart",
    what="The layers on top of the backbone have so many weights that they can store the training images one by one. "
    "Flatten before a dense layer is the usual reason: on ResNet50 at 300 px, Dense(1024) behind it has 210 million.",
    why="Training goes to 100 % whatever the labels are; validation gains nothing from the additional weights. That "
    "part of the gap is to be had without them.",
    sign="Clean training near 100 % after a few epochs; validation flat or falling as heads get wider. `few-images` "
    "and `label-noise` look the same, and may be true as well. Weights per image alone prove nothing.",
    measured="Smaller and more regularised heads, same seeds and batches. Found where one narrows the clean gap by 2 "
    "points or more without being worse on validation by more than the margin; effect is the gap it removes. The same "
    "head trained on shuffled labels tells how much it can learn by heart.",
    remedy='`model.pooling = "avg"` instead of flatten, `model.conv_filters = 0`, a narrower `model.head_width`, '
    '`model.l2`, or dropout behind the pooling (`model.dropout_position = "after_pooling"`).',
    sources=(
        Source(
            "Zhang, Bengio, Hardt, Recht, Vinyals",
            "Understanding deep learning requires rethinking generalization",
            2017,
            "https://arxiv.org/abs/1611.03530",
        ),
        Source(
            "Arpit and others",
            "A Closer Look at Memorization in Deep Networks",
            2017,
            "https://arxiv.org/abs/1706.05394",
        ),
    ),
)

_IDLE_DROPOUT = CauseText(
    cause=Cause.IDLE_DROPOUT,
    group=Group.FIT,
    title="Dropout that does nothing",
    what="Dropout of single values in front of global average pooling is averaged away: over the S positions of the "
    "map the noise on a feature is √(p / ((1 − p) S)), and √(p / (1 − p)) behind the pooling. With 25 positions and p "
    "= 0.5: 0.2 instead of 1.",
    why="The gap is left without the regulariser that you think it has. Training, validation and gap are the same at "
    "every rate.",
    sign="A sweep over dropout rates is a flat line in the clean numbers; in the logged ones it is not, since "
    "training is logged with dropout on (`training-mode`). What makes the gap is another cause, such as `capacity` or "
    "`few-images`.",
    measured="Trained again with dropout 0, same seeds. Found where there is a clean gap of 2 points or more, and "
    "neither it nor validation changes by 2 points (or a fifth of the gap, if that is more): two one-sided tests of "
    "equivalence. Effect: the gap that is left. How much the outputs vary over dropout masks, against how much over "
    "images, stands beside it.",
    remedy='`model.dropout_position = "after_pooling"`, or `model.dropout_kind = "spatial"`, which drops whole '
    "channels.",
    sources=(
        Source(
            "Tompson, Goroshin, Jain, LeCun, Bregler",
            "Efficient Object Localization Using Convolutional Networks",
            2015,
            "https://arxiv.org/abs/1411.4280",
        ),
        Source(
            "Ghiasi, Lin, Le",
            "DropBlock: A regularization method for convolutional networks",
            2018,
            "https://arxiv.org/abs/1810.12890",
        ),
        Source(
            "Keras",
            "SpatialDropout2D layer",
            None,
            "https://keras.io/api/layers/regularization_layers/spatial_dropout2d/",
        ),
    ),
)

_FEW_IMAGES = CauseText(
    cause=Cause.FEW_IMAGES,
    group=Group.FIT,
    title="Too few training images",
    what="There are not enough images to show the network what may vary within a class.",
    why="It is right on those that it has and wrong on others: overfitting as the textbooks mean it. More images "
    "close this gap; regularisation only trades one number for the other.",
    sign="A clean gap while everything above is in order, and validation that still rises with every image added. "
    "With `shift` it does not rise; with `label-noise` slowly; with `capacity` a smaller head does as well.",
    measured="A learning curve of a linear classifier on images that it has not seen: from a sixteenth of the "
    "training images to all, doubling, ten draws of each, whole sources together. Effect: the accuracy that doubling "
    "the images would bring, from the last doubling that was measured and errors that fall like 1/√n; the interval "
    "reaches from 1/n to no fall at all.",
    remedy="More images, of new objects rather than more of the same; the finding says what doubling them brings. "
    "Until then `training.augment_views = 4`, or a stronger `model.backbone`.",
    sources=(
        Source(
            "Hoiem, Gupta, Li, Shlapentokh-Rothman",
            "Learning Curves for Analysis of Deep Networks",
            2021,
            "https://arxiv.org/abs/2010.11029",
        ),
    ),
)

_CONFUSABLE_CLASSES = CauseText(
    cause=Cause.CONFUSABLE_CLASSES,
    group=Group.FIT,
    title="Classes that look alike",
    what="Two classes, or a few, can hardly be told apart in these images, and the errors gather there.",
    why="On training the head learns by heart which is which; on validation it cannot. The gap is that of these "
    "classes alone, and part of it may be beyond any classifier.",
    sign="Two cells of the confusion matrix, a for b and b for a, hold most of the errors. One way only, and for all "
    "classes, it is `class-bias`. Images far inside the other class are `label-noise`.",
    measured="The errors between the pair (or a few classes), beyond those of a network whose errors go to each other "
    "class as often as it is predicted at all; such networks are drawn 4,999 times. Effect: the accuracy gained if "
    "the pair were one class, beyond that chance. The nearest neighbour bounds what is possible: with many images no "
    "classifier on these features has less than half of its error. Two classes in all: excluded, there is no other "
    "pair.",
    remedy="A larger `data.image_size`, unfrozen layers (`model.unfrozen_layers = 20`), another `model.backbone`, "
    "images that show the difference; or one class for both, if the difference does not matter to you.",
    sources=(
        Source(
            "Cover, Hart", "Nearest neighbor pattern classification", 1967, "https://doi.org/10.1109/TIT.1967.1053964"
        ),
    ),
)

_DISTORTION = CauseText(
    cause=Cause.DISTORTION,
    group=Group.FIT,
    title="Fine-tuning that spoils pretrained features",
    what="Layers are unfrozen while the head is still random. Its large, senseless gradients go through the backbone "
    "and overwrite features that were good.",
    why="The network fits training better and validation worse than with everything frozen: the gap is made by "
    "unfreezing.",
    sign="A trial with unfrozen layers scores below a frozen one on the same split. Unfrozen batch norms do the same "
    "(`batch-norm`, which is looked at first), and so does too high a `learning-rate`.",
    measured="The fine-tuned network against a linear head on the frozen features, on the same validation images. "
    "Effect: the accuracy lost by fine-tuning, paired by image.",
    remedy="`training.head_epochs = 3` trains the head alone first, then the unfrozen layers with it, at a tenth of "
    "the learning rate. Else fewer `model.unfrozen_layers`, a lower `training.learning_rate`, `model.batch_norm = "
    '"frozen"`.',
    sources=(
        Source(
            "Kumar, Raghunathan, Jones, Ma, Liang",
            "Fine-Tuning can Distort Pretrained Features and Underperform Out-of-Distribution",
            2022,
            "https://arxiv.org/abs/2202.10054",
        ),
    ),
)

FIT = (
    _BOTTLENECK, _OVER_REGULARIZED, _LEARNING_RATE, _WEAK_FEATURES, _RESOLUTION, _CAPACITY, _IDLE_DROPOUT, _FEW_IMAGES,
    _CONFUSABLE_CLASSES, _DISTORTION,
)  # fmt: skip
"""In the order of the verdict."""
