"""W6, for engines that have NumPy's names."""


def chain(xp, x, a, b, gamma, beta, target):
    """Squared error of a layer norm of GELU(x·a + b)."""
    u = x * a + b
    gelu = 0.5 * u * (1 + xp.tanh(0.7978845608 * (u + 0.044715 * (u * u * u))))
    centred = gelu - xp.mean(gelu, axis=1, keepdims=True)
    variance = xp.mean(centred * centred, axis=1, keepdims=True)
    error = centred / xp.sqrt(variance + 1e-5) * gamma + beta - target
    return xp.mean(error * error)
