"""Where parameters begin: distributions, orthogonal matrices, seeds."""

import hashlib
import math
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tinygraph import nn
from tinygraph.errors import ArgumentError, ShapeError

INPUTS, OUTPUTS = 400, 300


def begun(initializer):
    return nn.Dense(INPUTS, OUTPUTS, initializer=initializer, generator=0).weight.numpy()


@pytest.mark.parametrize(
    ("initializer", "variance"),
    [
        ("lecun_uniform", 1 / INPUTS),
        ("he_uniform", 2 / INPUTS),
        ("xavier_uniform", 2 / (INPUTS + OUTPUTS)),
        ("glorot_uniform", 2 / (INPUTS + OUTPUTS)),
        ("uniform", 0.1**2 / 12),
        (nn.uniform(-1, 1), 2**2 / 12),
        (nn.he_uniform, 2 / INPUTS),
    ],
)
def test_uniform(initializer, variance):
    w = begun(initializer)
    bound = math.sqrt(3 * variance)
    assert np.abs(w).max() <= bound * (1 + 1e-6)
    assert np.abs(w).max() > 0.999 * bound
    n = w.size
    assert abs(w.mean()) < 5 * math.sqrt(variance / n)
    # The variance of the sample variance of a uniform distribution is (9/5 − 1) σ⁴/n.
    assert abs(w.var() - variance) < 5 * variance * math.sqrt(0.8 / n)


def test_uniform_between_bounds_that_are_not_symmetric():
    w = begun(nn.uniform(2.0, 3.0))
    assert (w >= 2).all() and (w <= 3).all()
    assert w.mean() == pytest.approx(2.5, abs=0.01)


def test_truncated_normal():
    w = begun(nn.truncated_normal(0.5))
    assert np.abs(w).max() <= 1
    # Of a normal distribution cut at ±2σ: σ² (1 − 4 φ(2) / (2 Φ(2) − 1)).
    density, inside = math.exp(-2) / math.sqrt(2 * math.pi), math.erf(math.sqrt(2))
    assert w.var() == pytest.approx(0.25 * (1 - 4 * density / inside), rel=0.02)


@pytest.mark.parametrize("initializer", ["zeros", "ones"])
def test_constants(initializer):
    np.testing.assert_array_equal(begun(initializer), initializer == "ones")
    np.testing.assert_array_equal(begun(getattr(nn, initializer)), initializer == "ones")


@pytest.mark.parametrize("shape", [(5, 5), (7, 3), (3, 7), (2, 3, 4, 5), (1, 4), (4, 1)])
@pytest.mark.parametrize("gain", [1.0, 1.5])
def test_orthogonal(shape, gain):
    w = nn.orthogonal(gain)(shape, np.random.default_rng(0))
    assert w.shape == shape
    assert w.flags.c_contiguous
    flat = w.reshape(-1, shape[-1])
    rows, columns = flat.shape
    product = flat.T @ flat if rows >= columns else flat @ flat.T
    np.testing.assert_allclose(product, gain**2 * np.eye(min(rows, columns)), atol=1e-14)


def test_orthogonal_matrices_are_uniform():
    """Of such matrices the elements have mean 0 and variance 1/n, also on the diagonal."""
    generator = np.random.default_rng(0)
    matrices = np.stack([nn.orthogonal()((3, 3), generator) for _ in range(2000)])
    np.testing.assert_allclose(matrices.mean(0), 0, atol=5 / math.sqrt(3 * 2000))
    np.testing.assert_allclose((matrices**2).mean(0), 1 / 3, atol=0.04)
    assert (np.linalg.det(matrices) > 0).mean() == pytest.approx(0.5, abs=0.06)


@pytest.mark.parametrize("name", ["lecun_uniform", "he_uniform", "xavier_uniform"])
def test_need_inputs_and_outputs(name):
    with pytest.raises(ShapeError, match=rf"{name}: the shape \(3,\).*nn.zeros"):
        getattr(nn, name)((3,), np.random.default_rng(0))
    with pytest.raises(ShapeError, match=r"orthogonal: the shape \(3,\)"):
        nn.orthogonal()((3,), np.random.default_rng(0))


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: nn.uniform(1, 0), ["uniform", "low=1, high=0", "low < high"]),
        (lambda: nn.uniform("a", 0), ["low='a'"]),
        (lambda: begun(nn.uniform), ["nn.uniform(-0.05, 0.05)"]),
        (lambda: begun(nn.orthogonal), ["nn.orthogonal()"]),
        (lambda: begun(nn.truncated_normal), ["nn.truncated_normal(0.01)"]),
        (lambda: begun("he_unifrom"), ["did you mean 'he_uniform'"]),
        (lambda: nn.seed("1"), ["seed: '1'", "integer"]),
        (lambda: nn.seed(-1), ["seed: -1", "0 or more"]),
        (lambda: nn.seed(None), ["seed: None"]),
    ],
)
def test_refused(call, words):
    with pytest.raises(ArgumentError) as caught:
        call()
    for word in words:
        assert word in str(caught.value)


# Generators

BUILD = """
import hashlib
import numpy as np
from tinygraph import nn
from tinygraph.nn.initialisers import BY_NAME

nn.seed(7)
digest = hashlib.sha256()
for name in BY_NAME:
    digest.update(nn.Dense(6, 5, initializer=name).weight.numpy().tobytes())
digest.update(nn.Dropout(0.5)(np.ones((4, 5), np.float32)).numpy().tobytes())
print(digest.hexdigest())
"""


def test_a_seed_makes_the_same_bits_in_every_process():
    """Whatever order its sets and dicts are in."""
    found = set()
    for hash_seed in ("0", "1"):
        environment = os.environ | {"PYTHONHASHSEED": hash_seed}
        run = subprocess.run(
            [sys.executable, "-c", BUILD],
            capture_output=True,
            text=True,
            check=True,
            env=environment,
            cwd=Path(__file__).parents[2],
        )
        found.add(run.stdout.strip())
    assert len(found) == 1
    assert len(found.pop()) == 2 * hashlib.sha256().digest_size


def test_the_packages_generator_can_be_stored_and_set():
    nn.seed(3)
    nn.Dense(4, 4)
    state = nn.default_generator().bit_generator.state
    first = nn.Dense(4, 4).weight.numpy()
    nn.Dense(9, 9)
    nn.default_generator().bit_generator.state = state
    np.testing.assert_array_equal(nn.Dense(4, 4).weight.numpy(), first)
    nn.seed(3)
    wanted = np.random.default_rng(3).random(4)
    np.testing.assert_array_equal(nn.default_generator().random(4), wanted)
