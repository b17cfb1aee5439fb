"""tinygraph, as its README writes it."""

import numpy as np

import tinygraph as tg
from tinygraph import nn, optim

from .chain import chain as chained
from .program import Program


def variables(work):
    return {name: tg.Variable(array, name=name) for name, array in work.parameters.items()}


def training(work, parameters, cost, optimizer, state=dict):
    """Steps of an optimizer down the cost of a batch; state: further arrays for the results."""
    J = None

    def step(*batch):
        nonlocal J
        J = cost(*batch)
        optimizer.zero_grad()
        J.backward()
        optimizer.step()

    def results():
        values = {name: w.numpy() for name, w in parameters.items()}
        return {**values, **state(), "loss": J.detach().numpy()}

    return Program(step, work.batches, results)


def differentiation(work, parameters, function):
    """The value of a function of a batch, and its gradients."""
    J = None

    def step(*batch):
        nonlocal J
        for w in parameters.values():
            w.zero_grad()
        J = function(*batch)
        J.backward()

    def results():
        gradients = {name: w.grad.numpy() for name, w in parameters.items()}
        return {**gradients, "loss": J.detach().numpy()}

    return Program(step, work.batches, results)


def adopt(model, work):
    """Let a model begin at the workload's parameters; returns them by the workload's names."""
    parameters = dict(zip(work.parameters, model.parameters(), strict=True))
    for name, parameter in parameters.items():
        parameter.assign(work.parameters[name])
    return parameters


def descent(work):
    parameters = variables(work)
    w = parameters["w"]
    optimizer = optim.SGD([w], lr=work.settings.lr)
    return training(work, parameters, lambda: w**2 - 10 * w + 25, optimizer)


def logistic(work):
    parameters = variables(work)
    w, b = parameters.values()
    optimizer = optim.SGD([w, b], lr=work.settings.lr)
    return training(
        work, parameters, lambda X, y: nn.sigmoid_cross_entropy(X @ w + b, y), optimizer
    )


def perceptron(work):
    model = nn.Sequential(
        nn.Dense(784, 128, activation="relu"),
        nn.Dense(128, 64, activation="relu"),
        nn.Dense(64, 10),
    )
    optimizer = optim.SGD(model.parameters(), lr=work.settings.lr, momentum=work.settings.momentum)
    return training(
        work,
        adopt(model, work),
        lambda X, labels, _: nn.softmax_cross_entropy(model(X), labels),
        optimizer,
    )


def normalised(work):
    settings = work.settings
    norms = [nn.BatchNorm(n, momentum=settings.averaging, eps=settings.norm_eps) for n in (128, 64)]
    model = nn.Sequential(
        nn.Dense(784, 128, bias=False), norms[0], nn.ReLU(), nn.Dropout(settings.dropout),
        nn.Dense(128, 64, bias=False), norms[1], nn.ReLU(), nn.Dropout(settings.dropout),
        nn.Dense(64, 10),
    )  # fmt: skip
    optimizer = optim.Adam(
        model.parameters(), lr=settings.lr, betas=settings.betas, eps=settings.eps
    )

    def averages():
        means = {f"mean{i}": norm.running_mean for i, norm in enumerate(norms, 1)}
        return means | {f"var{i}": norm.running_var for i, norm in enumerate(norms, 1)}

    return training(
        work,
        adopt(model, work),
        lambda X, labels, _: nn.softmax_cross_entropy(model(X), labels),
        optimizer,
        averages,
    )


def recurrent(work):
    parameters = variables(work)
    Wx, Wh, bh, Wy, by = parameters.values()
    time = work.settings.time

    def cost(X, labels, _):
        h, J = np.zeros((X.shape[1], Wh.shape[0]), X.dtype), 0
        for t in range(time):
            h = tg.tanh(X[t] @ Wx + h @ Wh + bh)
            J = J + nn.softmax_cross_entropy(h @ Wy + by, labels[t])
        return J / time

    return training(work, parameters, cost, optim.SGD(parameters.values(), lr=work.settings.lr))


def chain(work):
    parameters = variables(work)
    return differentiation(
        work, parameters, lambda target: chained(tg, *parameters.values(), target)
    )


def many(work):
    parameters = variables(work)
    x, a, b = parameters.values()

    def total():
        y = x
        for _ in range(work.settings.pairs):
            y = y * a
            y = y + b
        return y.sum()

    return differentiation(work, parameters, total)


def convolution(work):
    parameters = variables(work)
    K1, b1, K2, b2, W, b = parameters.values()

    def cost(X, labels, _):
        A = tg.relu(nn.max_pool2d(nn.conv2d(X, K1, b1, padding="same"), 2))
        A = tg.relu(nn.max_pool2d(nn.conv2d(A, K2, b2, padding="same"), 2))
        return nn.softmax_cross_entropy(A.reshape(len(X), -1) @ W + b, labels)

    return training(work, parameters, cost, optim.SGD(parameters.values(), lr=work.settings.lr))
