"""MyGrad, with memory guarding off, as its documentation advises for speed."""

import mygrad as mg
import numpy as np
from mygrad.nnet import batchnorm, conv_nd, max_pool, relu, sigmoid, softmax_crossentropy

from .chain import chain as chained
from .program import Program

mg.turn_memory_guarding_off()


def training(work, cost, update=None):
    P = {name: mg.tensor(array) for name, array in work.parameters.items()}
    lr, J = work.settings.lr, None

    def descend(name, w):
        w.data -= lr * w.grad

    move = update or descend

    def step(*batch):
        nonlocal J
        J = cost(P, *batch)
        J.backward()
        for name, w in P.items():
            move(name, w)

    return Program(
        step, work.batches, lambda: {**{n: w.data for n, w in P.items()}, "loss": J.data}
    )


def differentiation(work, function):
    P, J = {name: mg.tensor(array) for name, array in work.parameters.items()}, None

    def step(*batch):
        nonlocal J
        J = function(*P.values(), *batch)
        J.backward()

    return Program(
        step, work.batches, lambda: {**{n: w.grad for n, w in P.items()}, "loss": J.data}
    )


def descent(work):
    w, lr, J = mg.tensor(work.parameters["w"]), work.settings.lr, None

    def step():
        nonlocal w, J
        J = w**2 - 10 * w + 25
        J.backward()
        w = mg.tensor(w.data - lr * w.grad)  # without axes it cannot be written in place

    return Program(step, work.batches, lambda: {"w": w.data, "loss": J.data})


def logistic(work):
    def cost(P, X, y):
        a = sigmoid(mg.matmul(X, P["w"]) + P["b"])
        return -mg.mean(y * mg.log(a) + (1 - y) * mg.log(1 - a))

    return training(work, cost)


def perceptron(work):
    V = {name: np.zeros_like(array) for name, array in work.parameters.items()}

    def cost(P, X, labels, _):
        A = relu(mg.matmul(X, P["W1"]) + P["b1"])
        A = relu(mg.matmul(A, P["W2"]) + P["b2"])
        return softmax_crossentropy(mg.matmul(A, P["W3"]) + P["b3"], labels)

    def momentum(name, w):
        V[name] = work.settings.momentum * V[name] + w.grad
        w.data -= work.settings.lr * V[name]

    return training(work, cost, momentum)


def adam(work):
    """Adam's update of a parameter, in place."""
    settings = work.settings
    beta1, beta2 = settings.betas
    M = {name: np.zeros_like(array) for name, array in work.parameters.items()}
    S = {name: np.zeros_like(array) for name, array in work.parameters.items()}
    steps = dict.fromkeys(work.parameters, 0)

    def update(name, w):
        steps[name] += 1
        M[name] = beta1 * M[name] + (1 - beta1) * w.grad
        S[name] = beta2 * S[name] + (1 - beta2) * w.grad**2
        m, s = M[name] / (1 - beta1 ** steps[name]), S[name] / (1 - beta2 ** steps[name])
        w.data -= settings.lr * m / (np.sqrt(s) + settings.eps)

    return update


def normalised(work):
    settings = work.settings
    keep, rng = 1 - settings.dropout, np.random.default_rng()

    def cost(P, X, labels, _):  # its batch norm keeps no running averages
        A = X
        for i in "12":
            A = mg.matmul(A, P[f"W{i}"])
            A = batchnorm(A, gamma=P[f"gamma{i}"], beta=P[f"beta{i}"], eps=settings.norm_eps)
            A = relu(A)
            if keep < 1:
                mask = rng.random(A.shape, dtype=np.float32) < keep
                A = A * (mask / np.float32(keep))
        return softmax_crossentropy(mg.matmul(A, P["W3"]) + P["b3"], labels)

    return training(work, cost, adam(work))


def recurrent(work):
    time = work.settings.time

    def cost(P, X, labels, _):
        h, J = np.zeros((X.shape[1], len(P["Wh"])), X.dtype), 0
        for t in range(time):
            h = mg.tanh(mg.matmul(X[t], P["Wx"]) + mg.matmul(h, P["Wh"]) + P["bh"])
            J = J + softmax_crossentropy(mg.matmul(h, P["Wy"]) + P["by"], labels[t])
        return J / time

    return training(work, cost)


def chain(work):
    return differentiation(work, lambda *operands: chained(mg, *operands))


def many(work):
    def total(x, a, b):
        y = x
        for _ in range(work.settings.pairs):
            y = y * a
            y = y + b
        return mg.sum(y)

    return differentiation(work, total)


def convolution(work):
    def hidden(A, K, b):
        Z = conv_nd(A, K, stride=1, padding=1) + b.reshape(1, -1, 1, 1)
        return relu(max_pool(Z, (2, 2), 2))

    def cost(P, X, labels, _):
        A = hidden(hidden(X, P["K1"], P["b1"]), P["K2"], P["b2"])
        return softmax_crossentropy(mg.matmul(A.reshape(len(X), -1), P["W"]) + P["b"], labels)

    return training(work, cost)
