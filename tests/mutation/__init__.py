"""Wrong gradient rules, made of the right ones: do the checks notice? `python -m` runs it."""
