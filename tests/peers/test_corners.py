"""What PyTorch and JAX do at the corners of docs/conventions.md where it says that they differ."""

import re
import warnings
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from comparing import PEERS

import tinygraph as tg

PAGE = (Path(__file__).parents[2] / "docs" / "conventions.md").read_text("utf-8")
INF, NAN = np.inf, np.nan
ALL_NAN = [NAN, NAN]


def gradient(peer, function, arrays):
    if peer == "jax":
        places = tuple(range(len(arrays)))
        found = jax.grad(lambda *x: function(*x).sum(), places)(*map(jnp.asarray, arrays))
    elif peer == "torch":
        leaves = [torch.tensor(x, requires_grad=True) for x in arrays]
        found = torch.autograd.grad(function(*leaves).sum(), leaves)
    else:
        leaves = [tg.Variable(x) for x in arrays]
        found = tg.gradients(function(*leaves).sum(), leaves)
    return [np.asarray(g) if peer == "jax" else g.numpy() for g in found]


def rebuilt(space, decompose):
    """A matrix from its factors, weighted: the same for any choice of vectors."""

    weights = np.array([[1.0, 2], [2, 5]])
    weights = torch.tensor(weights) if space is torch else weights

    def function(x):
        first, *rest = space.linalg.svd(x) if decompose == "svd" else space.linalg.eigh(x)
        left, values, right = (first, *rest) if rest[1:] else (rest[0], first, rest[0].T)
        return (
            (left * values)
            @ right
            * (space.tensor if space is torch else np.array)([[1.0, 2], [2, 5]])
        )

    return function


# A row of the page, operands, then for ours and each peer: the function, and its gradients.
CORNERS = [
    ("fmax of equal numbers", [[2.0], [2.0]], tg.fmax, [[0.5], [0.5]],
        torch.fmax, [[1], [0]], jnp.fmax, [[0], [1]]),
    ("max along an axis, reached twice", [[2.0, 1, 2]],
        lambda x: tg.max(x, axis=0), [[0.5, 0, 0.5]],
        lambda x: torch.max(x, dim=0)[0], [[1, 0, 0]],
        lambda x: jnp.max(x, axis=0), [[0.5, 0, 0.5]]),
    ("median of an even number", [[1.0, 2, 3, 4]], tg.median, [[0, 0.5, 0.5, 0]],
        torch.median, [[0, 1, 0, 0]], jnp.median, [[0, 0.5, 0.5, 0]]),
    ("median, quantile of equal numbers", [[1.0, 2, 2, 4, 5]], tg.median, [[0, 0, 1, 0, 0]],
        torch.median, [[0, 0.5, 0.5, 0, 0]], jnp.median, [[0, 0, 1, 0, 0]]),
    ("abs at 0", [[0.0]], tg.abs, [[0]], torch.abs, [[0]], jnp.abs, [[1]]),
    ("norm of zeros", [[0.0, 0]], tg.linalg.norm, [[0, 0]], torch.linalg.norm, [[0, 0]],
        jnp.linalg.norm, [ALL_NAN]),
    ("norm of order 1, at a 0", [[0.0, 1]], lambda x: tg.linalg.norm(x, 1), [[0, 1]],
        lambda x: torch.linalg.norm(x, 1), [[0, 1]], lambda x: jnp.linalg.norm(x, 1), [[1, 1]]),
    ("nuclear norm of zeros", [np.zeros((2, 2))], lambda x: tg.linalg.norm(x, "nuc"),
        [np.zeros((2, 2))], lambda x: torch.linalg.norm(x, "nuc"), [np.eye(2)],
        lambda x: jnp.linalg.norm(x, "nuc"), [np.eye(2)]),
    ("hypot at 0, 0", [[0.0], [0.0]], tg.hypot, [[0], [0]], torch.hypot, [[NAN], [NAN]],
        jnp.hypot, [[0.5], [0.5]]),
    ("arctan2 at 0, 0", [[0.0], [0.0]], tg.arctan2, [[0], [0]], torch.arctan2, [[0], [0]],
        jnp.arctan2, [[NAN], [NAN]]),
    ("std of equal numbers", [[2.0, 2]], tg.std, [[0, 0]],
        lambda x: torch.std(x, correction=0), [[0, 0]], jnp.std, [ALL_NAN]),
    ("det of a singular matrix", [[[1.0, 2], [2, 4]]], tg.linalg.det, [[[4, -2], [-2, 1]]],
        torch.linalg.det, [np.zeros((2, 2))], jnp.linalg.det, [[[4, -2], [-2, 1]]]),
    ("0 ** 0, in both operands", [[0.0], [0.0]], tg.power, [[0], [0]], torch.pow, [[0], [0]],
        jnp.power, [[NAN], [0]]),
    ("ldexp, an exponent below 0", [[3.0]], lambda x: tg.ldexp(x, -1), [[0.5]],
        lambda x: torch.ldexp(x, torch.tensor(-1)), [[0]], lambda x: jnp.ldexp(x, -1), [[0.5]]),
    ("leaky relu at 0", [[0.0]], tg.leaky_relu, [[0.01]],
        torch.nn.functional.leaky_relu, [[0.01]], jax.nn.leaky_relu, [[1]]),
    ("clip at its bounds, in x", [[-1.0, 2]], lambda x: tg.clip(x, -1, 2), [[1, 1]],
        lambda x: torch.clip(x, -1, 2), [[1, 1]], lambda x: jnp.clip(x, -1, 2), [[0.5, 0.5]]),
    ("clip at its bounds, in the bounds", [[-1.0], [-1.0], [2.0]], tg.clip, [[1], [0], [0]],
        torch.clip, [[1], [0], [0]], jnp.clip, [[0.5], [0.5], [0]]),
    ("logsumexp of −∞ only", [[-INF, -INF]], tg.logsumexp, [[0.5, 0.5]],
        lambda x: torch.logsumexp(x, 0), [ALL_NAN], jax.scipy.special.logsumexp, [ALL_NAN]),
    ("logsumexp with an ∞", [[INF, 0.0]], tg.logsumexp, [[1, 0]],
        lambda x: torch.logsumexp(x, 0), [[NAN, 0]], jax.scipy.special.logsumexp, [[NAN, 0]]),
    ("logaddexp of −∞ and −∞", [[-INF], [-INF]], tg.logaddexp, [[0.5], [0.5]],
        torch.logaddexp, [[NAN], [NAN]], jnp.logaddexp, [[NAN], [NAN]]),
    ("max with a NaN", [[NAN, 1.0]], tg.max, [[0, 0]], torch.max, [[1, 0]], jnp.max, [ALL_NAN]),
    ("where: NaN or ∞ in the branch not taken", [[-1.0, 4]],
        lambda x: tg.where(x > 0, tg.sqrt(x), 0.0), [[0, 0.25]],
        lambda x: torch.where(x > 0, torch.sqrt(x), 0.0), [[NAN, 0.25]],
        lambda x: jnp.where(x > 0, jnp.sqrt(x), 0.0), [[NAN, 0.25]]),
    ("eigh, the loss the same for any choice of vectors", [np.eye(2)],
        rebuilt(tg, "eigh"), [[[1, 2], [2, 5]]], rebuilt(torch, "eigh"), [np.full((2, 2), NAN)],
        rebuilt(jnp, "eigh"), [np.full((2, 2), NAN)]),
    ("svd, the loss the same for any choice of vectors", [np.eye(2)],
        rebuilt(tg, "svd"), [[[1, 2], [2, 5]]], rebuilt(torch, "svd"), [np.full((2, 2), NAN)],
        rebuilt(jnp, "svd"), [np.full((2, 2), NAN)]),
]  # fmt: skip


@pytest.mark.parametrize("engine", ["tinygraph", *PEERS])
@pytest.mark.parametrize("corner", CORNERS, ids=lambda corner: corner[0])
def test_corner(corner, engine):
    name, arrays, *rest = corner
    assert re.search(rf"^\| {re.escape(name)} \|", PAGE, re.MULTILINE)
    function, wanted = rest[2 * ["tinygraph", "torch", "jax"].index(engine) :][:2]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        found = gradient(engine, function, [np.asarray(x) for x in arrays])
    for g, expected in zip(found, wanted, strict=True):
        np.testing.assert_allclose(g, expected, atol=1e-12)


def test_mixed_derivatives_of_a_power_with_exponent_0():
    """By the base and then by the exponent; and the other way round."""
    assert "| a ** 0, the slope in a by the exponent |" in PAGE
    a, b = (torch.tensor(x, dtype=torch.float64, requires_grad=True) for x in (2.0, 0.0))
    by_a, by_b = torch.autograd.grad(a**b, (a, b), create_graph=True)
    assert torch.autograd.grad(by_a, b)[0].item() == 0
    assert torch.autograd.grad(by_b, a)[0].item() == 0.5
    by_base, by_exponent = (jax.grad(lambda a, b: a**b, i) for i in (0, 1))
    assert jax.grad(by_base, 1)(2.0, 0.0) == jax.grad(by_exponent, 0)(2.0, 0.0) == 0.5
