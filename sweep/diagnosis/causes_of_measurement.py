"""Causes that make the gap another number than it seems: not real, not measured alike on both sides, or chosen."""

from __future__ import annotations

from sweep.diagnosis.cause_text import CauseText, Group, Source
from sweep.records import Cause

__all__ = ["CHOICE", "MEASUREMENT"]

_KERAS_FAQ = Source("Keras", "Keras FAQ", None, "https://keras.io/getting_started/faq/")

_NOT_TRAINING = CauseText(
    cause=Cause.NOT_TRAINING,
    group=Group.NUMBER,
    title="A network that does not learn",
    what="After several epochs the network answers as if it had never seen an image: nearly all of them get the same "
    "class, the ones that it was trained on too.",
    why="Training and validation are equally bad, so the gap is about 0 and looks perfect. No regularisation can "
    "help, and to compare such trials is to compare chance with chance.",
    sign="The loss stands still at ln(number of classes), 1.386 for 4 and 2.303 for 10, and validation accuracy is "
    "one class's share to the digit. An `over-regularized` network and a `bottleneck` are low on both sides too, but "
    "better than chance; with `weak-features` a linear classifier on the features is poor as well, here it need not "
    "be.",
    measured="After 5 epochs or more, clean training accuracy is not above the commonest class's share by one "
    "standard error of validation and by 2 points, and the same network, given 32 images alone, does not learn 90 % "
    "of them by heart. Only both together count. The spread of its outputs and the size of the gradients from layer "
    "to layer explain it; they decide nothing.",
    remedy="Check that labels and images belong together, then divide `training.learning_rate` by 10. A deep network "
    "trained from scratch without batch norm loses the signal on its way: put it back (`model.backbone_batch_norm = "
    '"kept"`), or use residual connections with weights drawn for it. In a deep head of ReLUs: '
    '`model.kernel_initializer = "he_uniform"`.',
    sources=(
        Source("He, Zhang, Ren, Sun", "Delving Deep into Rectifiers", 2015, "https://arxiv.org/abs/1502.01852"),
        Source(
            "Glorot, Bengio",
            "Understanding the difficulty of training deep feedforward neural networks",
            2010,
            "https://proceedings.mlr.press/v9/glorot10a.html",
        ),
        Source(
            "Zhang, Dauphin, Ma",
            "Fixup Initialization: Residual Learning Without Normalization",
            2019,
            "https://arxiv.org/abs/1901.09321",
        ),
    ),
)

_PREPROCESSING = CauseText(
    cause=Cause.PREPROCESSING,
    group=Group.NUMBER,
    title="Pixels on another scale than the backbone was trained on",
    what="Every pretrained network expects its own scale of pixels: MobileNet −1 to 1; ResNet50 and VGG16 blue, green "
    "and red, each less its mean (caffe); DenseNet mean and deviation of ImageNet (torch); EfficientNet and ConvNeXt "
    "of Keras take 0 to 255 and scale them themselves. On any other scale its features are not the ones it learnt.",
    why="Both sides get worse, so the gap need not show it. Where batch norm runs on the statistics of each batch in "
    "training (frozen layers of Keras 2), those cancel the wrong scale, and validation alone pays for it: a large gap "
    "that is no overfitting.",
    sign="Even a linear classifier on the frozen features is weak, and better on another scale: with `weak-features` "
    "it is weak on all of them. Together with `batch-norm`, validation loss rises while training stands still.",
    measured="Your images go through the frozen backbone on each scale: as configured, 0..1, −1..1, caffe, torch, "
    "none, scaled twice, red and blue swapped. Held-out accuracy of a linear classifier decides, on the same images: "
    "the best other one must gain 2 points or more. The first batch norm tells a wrong scale as well, by the variance "
    "that it meets against the one it has stored, but not swapped colours.",
    remedy='`model.preprocessing = "auto"` is what the backbone was trained on; `model.channels = "rgb"` leaves the '
    "order of colours to it. In your own code: `preprocess_input()` of its module in Keras, exactly once. Dividing by "
    "255 is wrong for MobileNet, ResNet50 and VGG16.",
    sources=(Source("Keras", "Keras Applications", None, "https://keras.io/api/applications/"),),
)

_SMALL_VALIDATION = CauseText(
    cause=Cause.SMALL_VALIDATION,
    group=Group.NUMBER,
    title="Too few validation images to say anything",
    what="Validation accuracy is a count of a few images; as many others would give another number. With 200 images "
    "at 75 % it is known to ±6 points (95 %). Images of one source (frames of a video, slices of a patient) count as "
    "little more than one.",
    why="The gap has all of that error. A gap of 5 points may be none, and of two configurations the luckier one "
    "wins. Nothing need be wrong with the model.",
    sign="Validation accuracy moves in steps of one image, and other seeds or splits reverse the order of "
    "configurations. Validation that jumps while training is smooth may also be `batch-norm`; training that jumps too "
    "is `learning-rate`. What many trials make of the same luck is `best-of-many`.",
    measured="Arithmetic, no test: the error to be expected of validation accuracy, √(2/π) of its standard error. "
    "Found where that is 2 points or more even if the true accuracy is the kindest that fits the count (at 75 %: "
    "below about 300 images). Images of sources of m count as n / (1 + (m − 1)ρ), ρ being how alike the answers "
    "within a source are. For ±2 points (95 %), 1,800 images are needed at 75 %, 865 at 90 %.",
    remedy="`data.validation = {folds = 5}`: every image that is not sealed is validated once, by a model that did "
    "not see it; `data.validation = {folds = 5, repeats = 2}` does so twice. Or a larger share, or more images. "
    "Decide nothing by a difference smaller than its interval.",
    sources=(
        Source(
            "Wilson",
            "Probable Inference, the Law of Succession, and Statistical Inference",
            1927,
            "https://doi.org/10.1080/01621459.1927.10502953",
        ),
        Source(
            "Varoquaux",
            "Cross-validation failure: small sample sizes lead to large error bars",
            2018,
            "https://arxiv.org/abs/1706.07581",
        ),
    ),
)

_TRAINING_MODE = CauseText(
    cause=Cause.TRAINING_MODE,
    group=Group.MEASUREMENT,
    title="Training accuracy logged with dropout and augmentation on",
    what="What Keras prints as training accuracy is taken while it trains: units dropped out, images augmented, and "
    "averaged over an epoch in which the weights still move. Validation comes after the epoch, without any of that.",
    why="The logged training number is too low, and the logged gap with it; the stronger the dropout, the smaller it "
    "looks, whatever the model does on new images. Measured once with dropout 0.6: 92.2 % logged, 94.9 % clean, 83.6 "
    "% validation; a gap of 11.3 points looked like 8.6.",
    sign="Validation above training, or a logged gap that shrinks as dropout rises while validation stays. A "
    "`bottleneck` also has validation above training, but there a linear classifier on the same features beats both; "
    "an `over-regularized` network stays low on training when measured clean.",
    measured="The waterfall: with the kept weights the training images are evaluated as in training, then without "
    "dropout, then without augmentation, then with batch norm as at validation, which is clean. Each step is paired, "
    "image by image. Effect: by how much the logged training accuracy misses the clean one, up or down, beyond a "
    "quarter of the clean gap: three points beside a gap of 21 mislead nobody, beside one of 2 they do.",
    remedy="Nothing is wrong with the model: quote the clean gap, which `sweep report` shows beside the logged one. "
    "In your own code call `evaluate()` on the training images, not augmented, after training.",
    sources=(
        _KERAS_FAQ,
        Source(
            "Srivastava, Hinton, Krizhevsky, Sutskever, Salakhutdinov",
            "Dropout: A Simple Way to Prevent Neural Networks from Overfitting",
            2014,
            "https://jmlr.org/papers/v15/srivastava14a.html",
        ),
    ),
)

_BATCH_NORM = CauseText(
    cause=Cause.BATCH_NORM,
    group=Group.MEASUREMENT,
    title="Batch norm that differs between training and validation",
    what="Batch norm scales by mean and variance of the batch in training, by moving averages of them at validation. "
    "Where those differ, another network is validated than was trained: frozen layers of Keras 2, averages that lag "
    "behind, tiny batches, dropout in front of a batch norm.",
    why="Training looks good and validation bad, or falls onto one class, for reasons that have nothing to do with "
    "new images. More data and more regularisation leave it as it is.",
    sign="Validation jumps from epoch to epoch while training is smooth; the training images themselves, evaluated, "
    "show the gap too, which with `few-images` or `capacity` they do not; a network without batch norm, such as "
    "VGG16, has none.",
    measured="Two losses, the larger of which is the effect: on the training images, same weights, from the "
    "statistics of batches to moving averages; and on validation, what averages taken anew over the training images "
    "give back, which is decisive. After 282 steps moving averages hold 6 % of their old values at momentum 0.99 "
    "(MobileNet, ResNet) and 75 % at 0.999 (MobileNetV2 and V3).",
    remedy='`model.batch_norm = "frozen"`. In Keras 3 a layer with `trainable=False` keeps to its moving averages, in '
    "`fit()` too. Once layers are unfrozen, `training=False` in the call of a functional backbone no longer holds: "
    "set `trainable=False` on each BatchNormalization. If they are to learn: `training.recalibrate = true`, "
    "`model.batch_norm_momentum = 0.9`, larger batches, dropout only behind the last one.",
    sources=(
        Source("Wu, Johnson", "Rethinking “Batch” in BatchNorm", 2021, "https://arxiv.org/abs/2105.07576"),
        Source(
            "Li, Chen, Hu, Yang",
            "Understanding the Disharmony between Dropout and Batch Normalization by Variance Shift",
            2019,
            "https://arxiv.org/abs/1801.05134",
        ),
        Source(
            "miticollo",
            "Possible typo in the “Transfer learning & fine-tuning” guide",
            2024,
            "https://github.com/keras-team/keras/issues/20285",
        ),
    ),
)

_BOOKKEEPING = CauseText(
    cause=Cause.BOOKKEEPING,
    group=Group.MEASUREMENT,
    title="Two numbers that do not count the same",
    what="The two logged numbers are not computed alike: class weights and MixUp are in the training loss alone; "
    "validation is augmented, or sees some batches only; an epoch ends before all images were seen; or the split took "
    "the last rows of a sorted list, as `validation_split` of `fit()` does.",
    why="Part of the gap is arithmetic, and gone once both sides are computed alike. In Keras 3 penalties such as L2 "
    "are in both losses, `val_loss` included (its FAQ says they are not), and so is label smoothing: losses of trials "
    "that differ in those cannot be compared.",
    sign="Losses that contradict the accuracies, a validation number that changes with the number of its steps, a "
    "class that one side lacks. Images of another kind on one side are `shift`; the mode of dropout is "
    "`training-mode`.",
    measured="Exactly, without a test: what is logged is computed anew from the clean answers of the same weights. "
    "Effect: the largest of what augmented or partial validation, an epoch that sees a part of the images, and one "
    "that does not shuffle them change in accuracy; or in the loss, what one side has and the other has not. The "
    "classes of both sides are compared by a chi-square test.",
    remedy="Compare clean numbers. `training.augment_validation = false`, `training.validation_steps = 0` and "
    "`training.steps_per_epoch = 0` (all images), `training.shuffle = true`. Keep `training.class_weight` if you need "
    "it, but read no gap off the losses.",
    sources=(
        _KERAS_FAQ,
        Source("Keras", "Model training APIs", None, "https://keras.io/api/models/model_training_apis/"),
    ),
)

_LAST_EPOCH = CauseText(
    cause=Cause.LAST_EPOCH,
    group=Group.CHOICE,
    title="The last epoch kept instead of the best",
    what="The weights are those of the end of training, although validation was better some epochs earlier.",
    why="Past its best the network fits its training images ever more closely and grows overconfident: validation "
    "cross-entropy rises, and accuracy sometimes falls. That part of the gap was made by the last epochs.",
    sign="Validation loss falls, turns and rises while training loss goes on falling. If validation accuracy stays, "
    "the network is overconfident, not worse. A second fall may follow, so a part of the planned epochs proves "
    "nothing. Single jumps are `learning-rate` or `small-validation`.",
    measured="The kept epoch against the best one, image by image. The best epoch is partly a lucky one: it is chosen "
    "on one half of the validation images and tested on the other, and the other way round. If dividing the outputs "
    "by one number (a temperature) removes the excess of cross-entropy, and accuracy is the same, it is "
    "overconfidence.",
    remedy='`training.keep = "best"`; in Keras `EarlyStopping(restore_best_weights=True)`, or '
    '`ModelCheckpoint(save_best_only=True)`. `training.schedule = "cosine"` makes the last epoch a better one.',
    sources=(
        Source("Prechelt", "Early Stopping — But When?", 1998, "https://doi.org/10.1007/3-540-49430-8_3"),
        Source(
            "Guo, Pleiss, Sun, Weinberger",
            "On Calibration of Modern Neural Networks",
            2017,
            "https://arxiv.org/abs/1706.04599",
        ),
        Source(
            "Nakkiran and others",
            "Deep Double Descent: Where Bigger Models and More Data Hurt",
            2019,
            "https://arxiv.org/abs/1912.02292",
        ),
    ),
)

_BEST_OF_MANY = CauseText(
    cause=Cause.BEST_OF_MANY,
    group=Group.CHOICE,
    title="A score that is the luckiest of many",
    what="Of many configurations the one that scored best on the validation images is partly the one that these "
    "images happen to suit.",
    why="Its validation accuracy is too high and its gap too small; new images take the difference back. The best of "
    "50 equally good configurations at 75 %, on 750 images, shows 3.5 points too much if their errors have nothing in "
    "common, and 2.2 if they correlate at 0.6.",
    sign="No curve shows it. The lead is gone with other seeds or on another split, and the sealed test lies below "
    "validation. The fewer images, the worse: `small-validation`.",
    measured="The choice is made again on resampled validation images, and what wins is scored on those left out (the "
    "BBC bootstrap), whole sources at a time. Effect: the score of rank 1 less its corrected score.",
    remedy="Quote the corrected score, which `sweep report` prints beside rank 1's own. `search.finalists` and "
    "`search.repeats` train the first ones again with other seeds and splits. `sweep holdout` measures them once on "
    "the sealed test. `data.validation = {folds = 5}` makes the luck smaller.",
    sources=(
        Source(
            "Tsamardinos, Greasidou, Borboudakis",
            "Bootstrapping the out-of-sample predictions for efficient and accurate cross-validation",
            2018,
            "https://doi.org/10.1007/s10994-018-5714-4",
        ),
        Source(
            "Cawley, Talbot",
            "On Over-fitting in Model Selection and Subsequent Selection Bias in Performance Evaluation",
            2010,
            "https://jmlr.org/papers/v11/cawley10a.html",
        ),
        Source(
            "Schneider, Bischl, Feurer",
            "Overtuning in Hyperparameter Optimization",
            2025,
            "https://arxiv.org/abs/2506.19540",
        ),
    ),
)

MEASUREMENT = (_NOT_TRAINING, _PREPROCESSING, _SMALL_VALIDATION, _TRAINING_MODE, _BATCH_NORM, _BOOKKEEPING)
CHOICE = (_LAST_EPOCH, _BEST_OF_MANY)
"""Both in the order of the verdict."""
