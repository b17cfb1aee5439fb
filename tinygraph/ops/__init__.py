"""Every differentiable operation, by kind."""
