"""HIPS autograd: `value_and_grad` over a dict of arrays, updates in NumPy."""

import autograd.numpy as np
import numpy
from autograd import value_and_grad

from .chain import chain as chained
from .program import Program


def training(work, cost, update=None):
    P, lr, J = dict(work.parameters), work.settings.lr, None
    both = value_and_grad(cost)

    def descend(name, w, gradient):
        return w - lr * gradient

    move = update or descend

    def step(*batch):
        nonlocal J
        J, gradients = both(P, *batch)
        for name, gradient in gradients.items():
            P[name] = move(name, P[name], gradient)

    return Program(step, work.batches, lambda: {**P, "loss": J})


def differentiation(work, function):
    both, found = value_and_grad(function), None

    def step(*batch):
        nonlocal found
        found = both(dict(work.parameters), *batch)

    return Program(step, work.batches, lambda: {**found[1], "loss": found[0]})


def cross_entropy(Z, Y):
    Z = Z - np.max(Z, axis=1, keepdims=True)
    return np.mean(np.log(np.sum(np.exp(Z), axis=1)) - np.sum(Z * Y, axis=1))


def descent(work):
    return training(work, lambda P: P["w"] ** 2 - 10 * P["w"] + 25)


def logistic(work):
    def cost(P, X, y):
        a = 1 / (1 + np.exp(-(np.dot(X, P["w"]) + P["b"])))
        return -np.mean(y * np.log(a) + (1 - y) * np.log(1 - a))

    return training(work, cost)


def perceptron(work):
    V = {name: numpy.zeros_like(array) for name, array in work.parameters.items()}

    def cost(P, X, _, Y):
        A = np.maximum(np.dot(X, P["W1"]) + P["b1"], 0)
        A = np.maximum(np.dot(A, P["W2"]) + P["b2"], 0)
        return cross_entropy(np.dot(A, P["W3"]) + P["b3"], Y)

    def momentum(name, w, gradient):
        V[name] = work.settings.momentum * V[name] + gradient
        return w - work.settings.lr * V[name]

    return training(work, cost, momentum)


def adam(work):
    """Adam's update as a function of a parameter's name, value and gradient."""
    settings = work.settings
    beta1, beta2 = settings.betas
    M = {name: numpy.zeros_like(array) for name, array in work.parameters.items()}
    S = {name: numpy.zeros_like(array) for name, array in work.parameters.items()}
    steps = dict.fromkeys(work.parameters, 0)

    def update(name, w, gradient):
        steps[name] += 1
        M[name] = beta1 * M[name] + (1 - beta1) * gradient
        S[name] = beta2 * S[name] + (1 - beta2) * gradient**2
        m, s = M[name] / (1 - beta1 ** steps[name]), S[name] / (1 - beta2 ** steps[name])
        return w - settings.lr * m / (numpy.sqrt(s) + settings.eps)

    return update


def normalised(work):
    settings = work.settings
    keep, rng = 1 - settings.dropout, numpy.random.default_rng()

    def cost(P, X, _, Y):  # running averages cannot be taken out of a function being traced
        A = X
        for i in (1, 2):
            Z = np.dot(A, P[f"W{i}"])
            Z = Z - np.mean(Z, axis=0)
            Z = Z / np.sqrt(np.mean(Z * Z, axis=0) + settings.norm_eps)
            A = np.maximum(P[f"gamma{i}"] * Z + P[f"beta{i}"], 0)
            if keep < 1:
                mask = rng.random(A.shape, dtype=numpy.float32) < keep
                A = A * (mask / numpy.float32(keep))
        return cross_entropy(np.dot(A, P["W3"]) + P["b3"], Y)

    return training(work, cost, adam(work))


def recurrent(work):
    time = work.settings.time

    def cost(P, X, _, Y):
        h, J = numpy.zeros((X.shape[1], len(P["Wh"])), X.dtype), 0
        for t in range(time):
            h = np.tanh(np.dot(X[t], P["Wx"]) + np.dot(h, P["Wh"]) + P["bh"])
            J = J + cross_entropy(np.dot(h, P["Wy"]) + P["by"], Y[t])
        return J / time

    return training(work, cost)


def chain(work):
    return differentiation(work, lambda P, target: chained(np, **P, target=target))


def many(work):
    def total(P):
        y, a, b = P["x"], P["a"], P["b"]
        for _ in range(work.settings.pairs):
            y = y * a
            y = y + b
        return np.sum(y)

    return differentiation(work, total)


def convolution(work):
    def hidden(A, K, b):
        m, channels, height, width = A.shape
        A = np.pad(A, ((0, 0), (0, 0), (1, 1), (1, 1)), "constant")
        shifted = [A[:, :, i : i + height, j : j + width] for i in range(3) for j in range(3)]
        rows = np.transpose(np.stack(shifted, axis=2), (0, 3, 4, 1, 2))
        rows = np.reshape(rows, (-1, 9 * channels))
        Z = np.dot(rows, np.transpose(np.reshape(K, (len(K), -1)))) + b
        Z = np.reshape(Z, (m, height // 2, 2, width // 2, 2, -1))
        return np.maximum(np.transpose(np.max(Z, axis=(2, 4)), (0, 3, 1, 2)), 0)

    def cost(P, X, _, Y):
        A = hidden(hidden(X, P["K1"], P["b1"]), P["K2"], P["b2"])
        return cross_entropy(np.dot(np.reshape(A, (len(X), -1)), P["W"]) + P["b"], Y)

    return training(work, cost)
