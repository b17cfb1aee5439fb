"""Convolution and pooling in NumPy, forward and backward.

Hand-written backpropagation calls these.

x: (examples, channels, height, width).  K: (filters, channels, 3, 3); zeros around the edge.
"""

import numpy as np


def neighbourhoods(x):
    """The 3 × 3 pixels around each one, as a row: (examples · height · width, channels · 9)."""
    padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(2, 3))
    return windows.transpose(0, 2, 3, 1, 4, 5).reshape(-1, 9 * x.shape[1])


def summed(rows, shape):
    """What the rows of `neighbourhoods` hold, added up at the pixels it came from."""
    m, channels, height, width = shape
    rows = rows.reshape(m, height, width, channels, 3, 3)
    padded = np.zeros((m, channels, height + 2, width + 2), rows.dtype)
    for i in range(3):
        for j in range(3):
            part = rows[..., i, j].transpose(0, 3, 1, 2)
            padded[:, :, i : i + height, j : j + width] += part
    return padded[:, :, 1:-1, 1:-1]


def convolved(x, K, b):
    """The convolution, and the neighbourhoods that its gradient needs."""
    m, _, height, width = x.shape
    rows = neighbourhoods(x)
    y = rows @ K.reshape(len(K), -1).T + b
    return y.reshape(m, height, width, len(K)).transpose(0, 3, 1, 2), rows


def convolution_gradients(dy, rows, K, shape):
    """Those of x, K and b. shape: of x, or None where its gradient is not wanted."""
    dy = dy.transpose(0, 2, 3, 1).reshape(-1, len(K))
    dx = None if shape is None else summed(dy @ K.reshape(len(K), -1), shape)
    return dx, (dy.T @ rows).reshape(K.shape), dy.sum(axis=0)


def _squares(x):
    m, channels, height, width = x.shape
    return x.reshape(m, channels, height // 2, 2, width // 2, 2)


def pooled(x):
    """The largest of every 2 × 2 pixels."""
    return _squares(x).max(axis=(3, 5))


def pooling_gradient(dy, x, y):
    """That of x, where the pooling of x was y."""
    largest = _squares(x) == y[:, :, :, np.newaxis, :, np.newaxis]
    return (largest * dy[:, :, :, np.newaxis, :, np.newaxis]).reshape(x.shape)
