"""NumPy with backpropagation written by hand, as in a first course.

All others are compared with it; in double precision it is what their results are checked with.
"""

import numpy as np

from . import images
from .program import Program

CONSTANT, CUBIC = 0.7978845608, 0.044715  # of GELU


def softmax_cross_entropy(Z, Y):
    """The mean loss and dZ, for logits Z and one-hot labels Y."""
    Z = Z - Z.max(axis=1, keepdims=True)
    E = np.exp(Z)
    total = E.sum(axis=1, keepdims=True)
    loss = np.mean(np.log(total[:, 0]) - (Z * Y).sum(axis=1))
    return loss, (E / total - Y) / len(Z)


def descent(work):
    w, lr, J = work.parameters["w"], work.settings.lr, None

    def step():
        nonlocal w, J
        J = w**2 - 10 * w + 25
        dw = 2 * w - 10
        w = w - lr * dw

    return Program(step, work.batches, lambda: {"w": w, "loss": J})


def logistic(work):
    w, b = work.parameters["w"], work.parameters["b"]
    lr, J = work.settings.lr, None

    def step(X, y):
        nonlocal w, b, J
        a = 1 / (1 + np.exp(-(X @ w + b)))
        J = -np.mean(y * np.log(a) + (1 - y) * np.log(1 - a))
        dz = (a - y) / len(X)
        w = w - lr * (X.T @ dz)
        b = b - lr * dz.sum(axis=0)

    return Program(step, work.batches, lambda: {"w": w, "b": b, "loss": J})


def perceptron(work):
    P, J = dict(work.parameters), None
    V = {name: np.zeros_like(array) for name, array in P.items()}
    lr, momentum = work.settings.lr, work.settings.momentum

    def step(X, _, Y):
        nonlocal J
        Z1 = X @ P["W1"] + P["b1"]
        A1 = np.maximum(Z1, 0)
        Z2 = A1 @ P["W2"] + P["b2"]
        A2 = np.maximum(Z2, 0)
        J, dZ3 = softmax_cross_entropy(A2 @ P["W3"] + P["b3"], Y)
        dZ2 = dZ3 @ P["W3"].T * (Z2 > 0)
        dZ1 = dZ2 @ P["W2"].T * (Z1 > 0)
        gradients = {
            "W1": X.T @ dZ1,
            "b1": dZ1.sum(axis=0),
            "W2": A1.T @ dZ2,
            "b2": dZ2.sum(axis=0),
            "W3": A2.T @ dZ3,
            "b3": dZ3.sum(axis=0),
        }
        for name, gradient in gradients.items():
            V[name] = momentum * V[name] + gradient
            P[name] = P[name] - lr * V[name]

    return Program(step, work.batches, lambda: {**P, "loss": J})


def normalised(work):
    P, J, t = dict(work.parameters), None, 0
    M = {name: np.zeros_like(array) for name, array in P.items()}
    S = {name: np.zeros_like(array) for name, array in P.items()}
    running = {}
    for i in (1, 2):
        running[f"mean{i}"] = np.zeros_like(P[f"beta{i}"])
        running[f"var{i}"] = np.ones_like(P[f"beta{i}"])
    settings = work.settings
    keep, old = 1 - settings.dropout, settings.averaging
    rng = np.random.default_rng()

    def forward(i, A):
        """Output of a hidden layer, and what its way back needs."""
        Z = A @ P[f"W{i}"]
        mean, variance = Z.mean(axis=0), Z.var(axis=0)
        running[f"mean{i}"] = old * running[f"mean{i}"] + (1 - old) * mean
        running[f"var{i}"] = old * running[f"var{i}"] + (1 - old) * variance
        deviation = np.sqrt(variance + settings.norm_eps)
        Z = (Z - mean) / deviation
        out = np.maximum(P[f"gamma{i}"] * Z + P[f"beta{i}"], 0)
        slope = out > 0
        if keep < 1:
            dropped = rng.random(out.shape, dtype=np.float32) < keep
            slope = slope * (dropped / out.dtype.type(keep))
            out = out * slope
        return out, (A, Z, deviation, slope)

    def backward(i, dA, kept):
        """Cotangent of the layer's Z, and the gradients of its parameters."""
        A, Z, deviation, slope = kept
        d = dA * slope
        beta, gamma = d.sum(axis=0), (d * Z).sum(axis=0)
        dZ = P[f"gamma{i}"] / deviation * (d - (beta + Z * gamma) / len(d))
        return dZ, {f"W{i}": A.T @ dZ, f"gamma{i}": gamma, f"beta{i}": beta}

    def step(X, _, Y):
        nonlocal J, t
        A1, kept1 = forward(1, X)
        A2, kept2 = forward(2, A1)
        J, dZ3 = softmax_cross_entropy(A2 @ P["W3"] + P["b3"], Y)
        dZ2, gradients2 = backward(2, dZ3 @ P["W3"].T, kept2)
        _, gradients1 = backward(1, dZ2 @ P["W2"].T, kept1)
        last = {"W3": A2.T @ dZ3, "b3": dZ3.sum(axis=0)}
        t += 1
        beta1, beta2 = settings.betas
        for name, gradient in {**gradients1, **gradients2, **last}.items():
            M[name] = beta1 * M[name] + (1 - beta1) * gradient
            S[name] = beta2 * S[name] + (1 - beta2) * gradient**2
            m, s = M[name] / (1 - beta1**t), S[name] / (1 - beta2**t)
            P[name] = P[name] - settings.lr * m / (np.sqrt(s) + settings.eps)

    return Program(step, work.batches, lambda: {**P, **running, "loss": J})


def recurrent(work):
    P, J = dict(work.parameters), None
    lr, time = work.settings.lr, work.settings.time

    def step(X, _, Y):
        nonlocal J
        H = [np.zeros((X.shape[1], len(P["Wh"])), X.dtype)]
        dZ, J = [], 0
        for t in range(time):
            H.append(np.tanh(X[t] @ P["Wx"] + H[t] @ P["Wh"] + P["bh"]))
            loss, d = softmax_cross_entropy(H[-1] @ P["Wy"] + P["by"], Y[t])
            J = J + loss / time
            dZ.append(d / time)
        gradients = {name: np.zeros_like(array) for name, array in P.items()}
        dh = 0
        for t in reversed(range(time)):
            before, after = H[t], H[t + 1]
            gradients["Wy"] += after.T @ dZ[t]
            gradients["by"] += dZ[t].sum(axis=0)
            da = (dZ[t] @ P["Wy"].T + dh) * (1 - after**2)
            gradients["Wx"] += X[t].T @ da
            gradients["Wh"] += before.T @ da
            gradients["bh"] += da.sum(axis=0)
            dh = da @ P["Wh"].T
        for name, gradient in gradients.items():
            P[name] = P[name] - lr * gradient

    return Program(step, work.batches, lambda: {**P, "loss": J})


def chain(work):
    x, a, b, gamma, beta = work.parameters.values()
    results = {}

    def step(target):
        u = x * a + b
        square = u * u
        tanh = np.tanh(CONSTANT * (u + CUBIC * (square * u)))
        gelu = 0.5 * u * (1 + tanh)
        centred = gelu - gelu.mean(axis=1, keepdims=True)
        deviation = np.sqrt((centred * centred).mean(axis=1, keepdims=True) + 1e-5)
        z = centred / deviation
        error = z * gamma + beta - target
        dy = error * (2 / error.size)
        dz = dy * gamma
        mean, along = dz.mean(axis=1, keepdims=True), (dz * z).mean(axis=1, keepdims=True)
        slope = 0.5 * u * (1 - tanh * tanh) * CONSTANT * (1 + 3 * CUBIC * square)
        du = (dz - mean - z * along) / deviation * (0.5 * (1 + tanh) + slope)
        results.update(
            x=du * a,
            a=(du * x).sum(axis=0),
            b=du.sum(axis=0),
            gamma=(dy * z).sum(axis=0),
            beta=dy.sum(axis=0),
            loss=(error * error).mean(),
        )

    return Program(step, work.batches, lambda: results)


def many(work):
    x, a, b = work.parameters.values()
    results = {}

    def step():
        y, before = x, []
        for _ in range(work.settings.pairs):
            before.append(y)
            y = y * a
            y = y + b
        loss = y.sum()
        dy, da, db = np.ones_like(y), np.zeros_like(a), np.zeros_like(b)
        for y in reversed(before):
            db += dy
            da += dy * y
            dy = dy * a
        results.update(x=dy, a=da, b=db, loss=loss)

    return Program(step, work.batches, lambda: results)


def convolution(work):
    P, lr, J = dict(work.parameters), work.settings.lr, None

    def step(X, _, Y):
        nonlocal J
        Z1, rows1 = images.convolved(X, P["K1"], P["b1"])
        pooled1 = images.pooled(Z1)
        A1 = np.maximum(pooled1, 0)
        Z2, rows2 = images.convolved(A1, P["K2"], P["b2"])
        pooled2 = images.pooled(Z2)
        A2 = np.maximum(pooled2, 0)
        flat = A2.reshape(len(X), -1)
        J, dZ3 = softmax_cross_entropy(flat @ P["W"] + P["b"], Y)
        gradients = {"W": flat.T @ dZ3, "b": dZ3.sum(axis=0)}

        d = (dZ3 @ P["W"].T).reshape(A2.shape) * (A2 > 0)
        d = images.pooling_gradient(d, Z2, pooled2)
        d, gradients["K2"], gradients["b2"] = images.convolution_gradients(
            d, rows2, P["K2"], A1.shape
        )
        d = images.pooling_gradient(d * (A1 > 0), Z1, pooled1)
        _, gradients["K1"], gradients["b1"] = images.convolution_gradients(d, rows1, P["K1"], None)
        for name, gradient in gradients.items():
            P[name] = P[name] - lr * gradient

    return Program(step, work.batches, lambda: {**P, "loss": J})
