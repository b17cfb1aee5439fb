"""Every loss in its settings: its formula written out in NumPy, its derivatives, its dtype."""

import itertools
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
from batches import batched
from derivatives import assert_gradient

import tinygraph as tg
from tinygraph import nn

RNG = np.random.default_rng(5)
REDUCTIONS = ("mean", "sum", "none")


class Case(NamedTuple):
    """A loss of an array, its losses by NumPy, and how much each counts in the mean."""

    loss: Callable[..., Any]
    x: Any
    losses: Callable[[Any], Any]
    counts: Any = None


def log_softmax(z, axis):
    return z - np.log(np.exp(z).sum(axis, keepdims=True))


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def reduced(case: Case, x: Any, reduction: str) -> Any:
    losses = case.losses(x)
    if reduction == "none":
        return losses
    counts = np.size(losses) if case.counts is None else np.sum(case.counts)
    return losses.sum() / (counts if reduction == "mean" else 1)


# Of classes

CLASSES, C = np.array([2, 0, 1, 1]), np.array([0.5, 2.0, 1.0])
W = np.array([1.0, 0.0, 2.5, 0.5])
HOT = np.eye(3)[CLASSES]
SOFT = np.array([[0.5, 0.25, 0.25], [0.0, 1.0, 0.0], [0.2, 0.2, 0.6], [1 / 3, 1 / 3, 1 / 3]])
IMAGE = RNG.integers(0, 3, (2, 2, 2))
KEPT = (CLASSES != 1).astype(float)


def by_log(q: Any, axis: int = -1) -> Callable[[Any], Any]:
    """−Σ q log ŷ, given log ŷ."""
    return lambda log: -(q * log).sum(axis)


def class_settings() -> Iterator[tuple[str, Any, dict[str, Any], Any, Any]]:
    """A name, the labels, the settings, what stands before −log ŷ, and what examples count."""
    yield "classes", CLASSES, {}, HOT, None
    yield "one-hot", HOT, {}, HOT, None
    yield "soft", SOFT, {}, SOFT, None
    yield "smooth", CLASSES, {"label_smoothing": 0.1}, 0.9 * HOT + 0.1 / 3, None
    yield "smooth soft", SOFT, {"label_smoothing": 0.25}, 0.75 * SOFT + 0.25 / 3, None
    yield "ignored", CLASSES, {"ignore_index": 1}, HOT * KEPT[:, None], KEPT
    outside = np.where(CLASSES == 1, -100, CLASSES)
    yield "ignored outside", outside, {"ignore_index": -100}, HOT * KEPT[:, None], KEPT
    yield "weights", CLASSES, {"weights": W}, HOT * W[:, None], W
    yield "class weights", CLASSES, {"class_weights": C}, HOT * C, C[CLASSES]
    yield "soft, class weights", SOFT, {"class_weights": C}, SOFT * C, SOFT @ C
    settings = {"weights": W, "class_weights": C, "label_smoothing": 0.1, "ignore_index": 2}
    q = (0.9 * HOT + 0.1 / 3) * C * (W * (CLASSES != 2))[:, None]
    yield "all", CLASSES, settings, q, C[CLASSES] * W * (CLASSES != 2)


def softmax_cases() -> Iterator[tuple[str, Case]]:
    z = RNG.normal(size=(4, 3))
    p = np.exp(log_softmax(z, 1))
    for name, labels, settings, q, counts in class_settings():
        for axis in (1, 0):
            turn = np.transpose if axis == 0 else np.asarray
            y = turn(labels) if labels.ndim == 2 else labels

            def of_logits(z, y=y, axis=axis, settings=settings, **more):
                return nn.softmax_cross_entropy(z, y, axis=axis, **settings, **more)

            def of_probabilities(p, y=y, axis=axis, settings=settings, **more):
                return nn.cross_entropy(p, y, axis=axis, **settings, **more)

            formula = by_log(turn(q), axis)
            yield (
                f"softmax {name} {axis}",
                Case(of_logits, turn(z), lambda z, f=formula, a=axis: f(log_softmax(z, a)), counts),
            )
            yield (
                f"probabilities {name} {axis}",
                Case(of_probabilities, turn(p), lambda p, f=formula: f(np.log(p)), counts),
            )
    q = np.moveaxis(np.eye(3)[IMAGE], -1, 1)
    yield (
        "softmax of pixels",
        Case(
            lambda z, **more: nn.softmax_cross_entropy(z, IMAGE, axis=1, **more),
            RNG.normal(size=(2, 3, 2, 2)),
            lambda z: by_log(q, 1)(log_softmax(z, 1)),
        ),
    )


# Of yes or no

YES = np.array([[0.0, 1.0], [0.25, 1.0], [1.0, 0.0]])
ROWS = np.array([[1.0], [0.0], [2.5]])


def binary_cases() -> Iterator[tuple[str, Case]]:
    z = RNG.normal(size=(3, 2))
    for name, settings, positive, counts in (
        ("plain", {}, 1, None),
        ("pos_weight", {"pos_weight": 3.0}, 3, None),
        ("pos_weight per class", {"pos_weight": [3.0, 0.5]}, np.array([3.0, 0.5]), None),
        ("weights", {"weights": ROWS}, 1, ROWS),
        ("both", {"pos_weight": 2.0, "weights": np.tile(ROWS, 2)}, 2, ROWS),
    ):
        w = 1 if counts is None else counts
        counts = None if counts is None else np.broadcast_to(counts, YES.shape)

        def losses(p, positive=positive, w=w):
            return -w * (positive * YES * np.log(p) + (1 - YES) * np.log(1 - p))

        yield (
            f"sigmoid {name}",
            Case(
                lambda z, s=settings, **more: nn.sigmoid_cross_entropy(z, YES, **s, **more),
                z,
                lambda z, f=losses: f(sigmoid(z)),
                counts,
            ),
        )
        yield (
            f"binary {name}",
            Case(
                lambda p, s=settings, **more: nn.binary_cross_entropy(p, YES, **s, **more),
                sigmoid(z),
                losses,
                counts,
            ),
        )


# Of numbers, signs and distributions

TARGETS = RNG.normal(size=(3, 2))
SIGNS = np.array([[1, -1], [-1, 1], [1, 1]])
PER_ELEMENT = np.array([[0.5, 1.0], [0.0, 2.0], [1.0, 1.0]])
NUMBERS: dict[str, tuple[Callable[..., Any], Callable[[Any], Any]]] = {
    "squared": (
        lambda x, **m: nn.mean_squared_error(x, TARGETS, **m),
        lambda x: (x - TARGETS) ** 2,
    ),
    "absolute": (
        lambda x, **m: nn.mean_absolute_error(x, TARGETS, **m),
        lambda x: np.abs(x - TARGETS),
    ),
    "huber": (
        lambda x, **m: nn.huber(x, TARGETS, **m),
        lambda x: np.where(
            np.abs(x - TARGETS) <= 1, (x - TARGETS) ** 2 / 2, np.abs(x - TARGETS) - 0.5
        ),
    ),
    "huber 0.25": (
        lambda x, **m: nn.huber(x, TARGETS, delta=0.25, **m),
        lambda x: np.where(
            np.abs(x - TARGETS) <= 0.25,
            (x - TARGETS) ** 2 / 2,
            0.25 * (np.abs(x - TARGETS) - 0.125),
        ),
    ),
    "hinge": (lambda x, **m: nn.hinge(x, SIGNS, **m), lambda x: np.maximum(0, 1 - SIGNS * x)),
    "hinge 0.5": (
        lambda x, **m: nn.hinge(x, SIGNS, margin=0.5, **m),
        lambda x: np.maximum(0, 0.5 - SIGNS * x),
    ),
}


def number_cases() -> Iterator[tuple[str, Case]]:
    x = RNG.normal(0, 1.5, (3, 2))
    for name, (loss, losses) in NUMBERS.items():
        yield name, Case(loss, x, losses)
        for w in (PER_ELEMENT, ROWS):
            full = np.broadcast_to(w, x.shape)
            yield (
                f"{name}, weights {w.shape}",
                Case(
                    lambda x, f=loss, w=w, **m: f(x, weights=w, **m),
                    x,
                    lambda x, f=losses, w=w: w * f(x),
                    full,
                ),
            )


def divergence_cases() -> Iterator[tuple[str, Case]]:
    a, b = RNG.normal(size=(2, 4, 3))
    for axis in (1, 0):
        p, q = (np.exp(log_softmax(z, axis)) for z in (a, b))
        w = None if axis == 0 else W
        more = {} if w is None else {"weights": w}
        one = 1 if w is None else w

        def divergence(p, q, axis=axis, one=one):
            return one * (p * np.log(p / q)).sum(axis)

        yield (
            f"divergence of p, axis {axis}",
            Case(
                lambda p, q=q, a=axis, s=more, **m: nn.kl_divergence(
                    p, q.astype(p.dtype), axis=a, **s, **m
                ),
                p,
                lambda p, q=q, f=divergence: f(p, q),
                w,
            ),
        )
        yield (
            f"divergence of q, axis {axis}",
            Case(
                lambda q, p=p, a=axis, s=more, **m: nn.kl_divergence(p, q, axis=a, **s, **m),
                q,
                lambda q, p=p, f=divergence: f(p, q),
                w,
            ),
        )
        for which in (0, 1):

            def by_logs(x, which=which, a=axis, s=more, pair=(p, q), **m):
                logs: list[Any] = [np.log(y).astype(x.dtype) for y in pair]
                logs[which] = x
                return nn.kl_divergence(*logs, axis=a, log=True, **s, **m)

            def formula(x, which=which, f=divergence, pair=(p, q)):
                return f(*pair[:which], np.exp(x), *pair[which + 1 :])

            yield (
                f"divergence by log {'pq'[which]}, axis {axis}",
                Case(by_logs, np.log((p, q)[which]), formula, w),
            )


CASES: dict[str, Case] = {
    **dict(softmax_cases()),
    **dict(binary_cases()),
    **dict(number_cases()),
    **dict(divergence_cases()),
}


each_reduction = batched(
    "name, reduction", itertools.product(CASES, REDUCTIONS), by=lambda name, _: name
)


def test_every_loss_is_here():
    names = {"cross_entropy", "error", "huber", "hinge", "divergence"}
    public = {name for name in nn.__all__ if any(name.endswith(end) for end in names)}
    assert public == {
        "softmax_cross_entropy", "sigmoid_cross_entropy", "cross_entropy", "binary_cross_entropy",
        "mean_squared_error", "mean_absolute_error", "huber", "kl_divergence", "hinge",
    }  # fmt: skip


@each_reduction
def test_is_its_formula(name, reduction):
    case = CASES[name]
    found = case.loss(case.x, reduction=reduction)
    wanted = np.asarray(reduced(case, case.x, reduction))
    assert found.shape == wanted.shape
    np.testing.assert_allclose(found.numpy(), wanted, rtol=1e-12, atol=1e-14)


@each_reduction
def test_derivatives_of_both_orders(name, reduction):
    """By central differences: of the formula, and of the gradient."""
    case = CASES[name]
    rng = np.random.default_rng(1)
    shape = np.shape(reduced(case, case.x, reduction))
    ct, direction = rng.normal(size=shape), rng.normal(size=case.x.shape)
    leaf, ct_leaf = tg.Variable(case.x), tg.Variable(ct)
    loss = case.loss(leaf, reduction=reduction)
    (first,) = tg.gradients(loss, leaf, ct_leaf, create_graph=True)
    gradient = [first.detach().numpy()]
    assert_gradient(lambda x: [reduced(case, x, reduction)], [case.x], [ct], gradient)
    second = [
        np.zeros_like(x) if g is None else g.numpy()
        for g, x in zip(tg.gradients(first, [leaf, ct_leaf], direction), (case.x, ct), strict=True)
    ]

    def slope(x, ct):
        leaf = tg.Variable(x)
        return [tg.gradients(case.loss(leaf, reduction=reduction), leaf, ct)[0].numpy()]

    assert_gradient(slope, [case.x, ct], [direction], second)


@batched(
    "name, reduction, dtype",
    itertools.product(CASES, REDUCTIONS, [np.float16, np.float32]),
    by=lambda name, *_: name,
)
def test_dtype_is_that_of_the_predictions(name, reduction, dtype):
    """Whatever that of labels and weights, forward and backward; and right within rounding."""
    case = CASES[name]
    leaf = tg.tensor(case.x, dtype, requires_grad=True)
    loss = case.loss(leaf, reduction=reduction)
    loss.sum().backward()
    assert loss.dtype == leaf.grad.dtype == dtype
    exact = tg.Variable(case.x)
    case.loss(exact, reduction=reduction).sum().backward()
    eps = 64 * np.finfo(dtype).eps
    np.testing.assert_allclose(
        loss.detach().numpy(), reduced(case, case.x, reduction), rtol=eps, atol=eps
    )
    np.testing.assert_allclose(leaf.grad.numpy(), exact.grad.numpy(), rtol=eps, atol=eps)
