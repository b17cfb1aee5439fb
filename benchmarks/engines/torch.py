"""PyTorch, eager, with its functions and optimisers."""

import torch
import torch.nn.functional as F  # noqa: N812 - everybody calls it so

from .program import Program


def variables(work):
    return {n: torch.tensor(array, requires_grad=True) for n, array in work.parameters.items()}


def tensors(work):
    return [tuple(map(torch.tensor, batch)) for batch in work.batches]


def training(work, P, cost, optimizer, state=dict):
    J = None

    def step(*batch):
        nonlocal J
        J = cost(*batch)
        optimizer.zero_grad()
        J.backward()
        optimizer.step()

    def results():
        values = {name: w.detach().numpy() for name, w in P.items()}
        return {**values, **state(), "loss": J.detach().numpy()}

    return Program(step, tensors(work), results)


def differentiation(work, P, function):
    J, gradients = None, None

    def step(*batch):
        nonlocal J, gradients
        J = function(*batch)
        gradients = torch.autograd.grad(J, list(P.values()))

    def results():
        found = {name: gradient.numpy() for name, gradient in zip(P, gradients, strict=True)}
        return {**found, "loss": J.detach().numpy()}

    return Program(step, tensors(work), results)


def sgd(work, P):
    return torch.optim.SGD(
        P.values(), lr=work.settings.lr, momentum=getattr(work.settings, "momentum", 0)
    )


def descent(work):
    P = variables(work)
    w = P["w"]
    return training(work, P, lambda: w**2 - 10 * w + 25, sgd(work, P))


def logistic(work):
    P = variables(work)

    def cost(X, y):
        return F.binary_cross_entropy_with_logits(X @ P["w"] + P["b"], y)

    return training(work, P, cost, sgd(work, P))


def perceptron(work):
    P = variables(work)

    def cost(X, labels, _):
        A = torch.relu(torch.addmm(P["b1"], X, P["W1"]))
        A = torch.relu(torch.addmm(P["b2"], A, P["W2"]))
        return F.cross_entropy(torch.addmm(P["b3"], A, P["W3"]), labels)

    return training(work, P, cost, sgd(work, P))


def normalised(work):
    P, settings = variables(work), work.settings
    means = [torch.zeros(128), torch.zeros(64)]
    variances = [torch.ones(128), torch.ones(64)]

    def cost(X, labels, _):
        A = X
        for i in (0, 1):
            A = F.batch_norm(
                A @ P[f"W{i + 1}"],
                means[i],
                variances[i],
                P[f"gamma{i + 1}"],
                P[f"beta{i + 1}"],
                training=True,
                momentum=1 - settings.averaging,
                eps=settings.norm_eps,
            )
            A = F.dropout(torch.relu(A), settings.dropout)
        return F.cross_entropy(torch.addmm(P["b3"], A, P["W3"]), labels)

    optimizer = torch.optim.Adam(P.values(), lr=settings.lr, betas=settings.betas, eps=settings.eps)
    # Its running variance is the unbiased one, another number than everybody else's.
    return training(
        work, P, cost, optimizer, lambda: {"mean1": means[0].numpy(), "mean2": means[1].numpy()}
    )


def recurrent(work):
    P, time = variables(work), work.settings.time

    def cost(X, labels, _):
        h, J = torch.zeros(X.shape[1], len(P["Wh"])), 0
        for t in range(time):
            h = torch.tanh(X[t] @ P["Wx"] + h @ P["Wh"] + P["bh"])
            J = J + F.cross_entropy(h @ P["Wy"] + P["by"], labels[t])
        return J / time

    return training(work, P, cost, sgd(work, P))


def chain(work):
    P = variables(work)

    def cost(target):
        u = P["x"] * P["a"] + P["b"]
        gelu = 0.5 * u * (1 + torch.tanh(0.7978845608 * (u + 0.044715 * (u * u * u))))
        centred = gelu - gelu.mean(1, keepdim=True)
        variance = (centred * centred).mean(1, keepdim=True)
        error = centred / torch.sqrt(variance + 1e-5) * P["gamma"] + P["beta"] - target
        return (error * error).mean()

    return differentiation(work, P, cost)


def many(work):
    P = variables(work)

    def total():
        y, a, b = P["x"], P["a"], P["b"]
        for _ in range(work.settings.pairs):
            y = y * a
            y = y + b
        return y.sum()

    return differentiation(work, P, total)


def convolution(work):
    P = variables(work)

    def cost(X, labels, _):
        A = torch.relu(F.max_pool2d(F.conv2d(X, P["K1"], P["b1"], padding=1), 2))
        A = torch.relu(F.max_pool2d(F.conv2d(A, P["K2"], P["b2"], padding=1), 2))
        return F.cross_entropy(torch.addmm(P["b"], A.flatten(1), P["W"]), labels)

    return training(work, P, cost, sgd(work, P))
