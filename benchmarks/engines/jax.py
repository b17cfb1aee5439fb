"""JAX: the whole step, value, gradients and update, compiled by jit.

Without W7, whose 100,000 operations would have to become a `scan`, another program.
"""

import jax
import jax.numpy as jnp
import numpy as np

from .chain import chain as chained
from .program import Program


def arrays(work):
    return {name: jnp.asarray(array) for name, array in work.parameters.items()}


def program(work, function, state, results):
    """Of a function from a state and a batch to the next state and the loss."""
    function, loss = jax.jit(function), None

    def step(*batch):
        nonlocal state, loss
        state, loss = function(state, *batch)

    return Program(
        step,
        [tuple(map(jnp.asarray, batch)) for batch in work.batches],
        lambda: {name: np.asarray(a) for name, a in {**results(state), "loss": loss}.items()},
        lambda: jax.block_until_ready((state, loss)),
    )


def descending(work, cost):
    def function(P, *batch):
        J, gradients = jax.value_and_grad(cost)(P, *batch)
        return jax.tree.map(lambda w, g: w - work.settings.lr * g, P, gradients), J

    return program(work, function, arrays(work), dict)


def cross_entropy(logits, labels):
    own = jnp.take_along_axis(jax.nn.log_softmax(logits), labels[:, jnp.newaxis], axis=1)
    return -own.mean()


def descent(work):
    return descending(work, lambda P: P["w"] ** 2 - 10 * P["w"] + 25)


def logistic(work):
    def cost(P, X, y):
        z = X @ P["w"] + P["b"]
        return jnp.mean(jax.nn.softplus(z) - y * z)

    return descending(work, cost)


def perceptron(work):
    def cost(P, X, labels):
        A = jax.nn.relu(X @ P["W1"] + P["b1"])
        A = jax.nn.relu(A @ P["W2"] + P["b2"])
        return cross_entropy(A @ P["W3"] + P["b3"], labels)

    def function(state, X, labels, _):
        P, V = state
        J, gradients = jax.value_and_grad(cost)(P, X, labels)
        V = jax.tree.map(lambda v, g: work.settings.momentum * v + g, V, gradients)
        P = jax.tree.map(lambda w, v: w - work.settings.lr * v, P, V)
        return (P, V), J

    P = arrays(work)
    return program(work, function, (P, jax.tree.map(jnp.zeros_like, P)), lambda state: state[0])


def normalised(work):
    settings = work.settings
    beta1, beta2 = settings.betas
    old = settings.averaging

    def cost(P, running, key, X, labels):
        A, moved = X, {}
        for i in (1, 2):
            Z = A @ P[f"W{i}"]
            mean, variance = Z.mean(axis=0), Z.var(axis=0)
            moved[f"mean{i}"] = old * running[f"mean{i}"] + (1 - old) * mean
            moved[f"var{i}"] = old * running[f"var{i}"] + (1 - old) * variance
            Z = (Z - mean) / jnp.sqrt(variance + settings.norm_eps)
            A = jax.nn.relu(P[f"gamma{i}"] * Z + P[f"beta{i}"])
            if settings.dropout:
                keep = 1 - settings.dropout
                mask = jax.random.bernoulli(jax.random.fold_in(key, i), keep, A.shape)
                A = jnp.where(mask, A / keep, 0)
        return cross_entropy(A @ P["W3"] + P["b3"], labels), moved

    def function(state, X, labels, _):
        P, M, S, running, key, t = state
        key, own = jax.random.split(key)
        differentiated = jax.value_and_grad(cost, has_aux=True)
        (J, running), gradients = differentiated(P, running, own, X, labels)
        t = t + 1
        M = jax.tree.map(lambda m, g: beta1 * m + (1 - beta1) * g, M, gradients)
        S = jax.tree.map(lambda s, g: beta2 * s + (1 - beta2) * g * g, S, gradients)

        def moved(w, m, s):
            m, s = m / (1 - beta1**t), s / (1 - beta2**t)
            return w - settings.lr * m / (jnp.sqrt(s) + settings.eps)

        return (jax.tree.map(moved, P, M, S), M, S, running, key, t), J

    P = arrays(work)
    zeros = jax.tree.map(jnp.zeros_like, P)
    running = {}
    for i in (1, 2):
        running[f"mean{i}"] = jnp.zeros_like(P[f"beta{i}"])
        running[f"var{i}"] = jnp.ones_like(P[f"beta{i}"])
    begin = (P, zeros, zeros, running, jax.random.key(0), jnp.float32(0))
    return program(work, function, begin, lambda state: {**state[0], **state[3]})


def recurrent(work):
    time = work.settings.time

    def cost(P, X, labels, _):
        h, J = jnp.zeros((X.shape[1], len(P["Wh"]))), 0
        for t in range(time):
            h = jnp.tanh(X[t] @ P["Wx"] + h @ P["Wh"] + P["bh"])
            J = J + cross_entropy(h @ P["Wy"] + P["by"], labels[t])
        return J / time

    return descending(work, cost)


def chain(work):
    P, found = arrays(work), None  # arguments: what jit closes over it computes ahead

    @jax.jit
    def differentiated(P, target):
        return jax.value_and_grad(lambda P: chained(jnp, **P, target=target))(P)

    def step(target):
        nonlocal found
        found = differentiated(P, target)

    return Program(
        step,
        [tuple(map(jnp.asarray, batch)) for batch in work.batches],
        lambda: {"loss": np.asarray(found[0]), **{n: np.asarray(g) for n, g in found[1].items()}},
        lambda: jax.block_until_ready(found),
    )


def convolution(work):
    def hidden(A, K, b):
        Z = jax.lax.conv_general_dilated(A, K, (1, 1), "SAME") + b[:, jnp.newaxis, jnp.newaxis]
        window = (1, 1, 2, 2)
        return jax.nn.relu(jax.lax.reduce_window(Z, -jnp.inf, jax.lax.max, window, window, "VALID"))

    def cost(P, X, labels, _):
        A = hidden(hidden(X, P["K1"], P["b1"]), P["K2"], P["b2"])
        return cross_entropy(A.reshape(len(X), -1) @ P["W"] + P["b"], labels)

    return descending(work, cost)
