"""Wrong gradient rules, made of the right ones, and whether the checks notice. `python -m` runs it."""
