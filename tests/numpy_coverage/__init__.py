"""What of NumPy is differentiable: found by calling each public function. `python -m` runs it."""
