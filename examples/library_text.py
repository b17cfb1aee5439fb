"""Text to learn from that every Python has: what the standard library says of itself.

The docstrings of the modules below, of their public classes and functions and of these classes'
methods: some 650,000 characters of plain ASCII. Another version of Python has another text, by a
few percent.
"""

import importlib
import inspect
import warnings

import numpy as np

MODULES = (
    "argparse", "ast", "asyncio", "base64", "bisect", "calendar", "cmath", "codecs", "collections",
    "collections.abc", "concurrent.futures", "configparser", "contextlib", "copy", "csv",
    "dataclasses", "datetime", "decimal", "difflib", "email.message", "enum", "fractions",
    "functools", "glob", "gzip", "hashlib", "heapq", "html", "http.client", "importlib", "inspect",
    "io", "ipaddress", "itertools", "json", "locale", "logging", "math", "mimetypes", "operator",
    "os", "os.path", "pathlib", "pickle", "pickletools", "platform", "pprint", "queue", "random",
    "re", "sched", "selectors", "shelve", "shutil", "signal", "socket", "statistics", "string",
    "struct", "subprocess", "tempfile", "textwrap", "threading", "time", "timeit", "tokenize",
    "traceback", "types", "typing", "unittest", "urllib.parse", "urllib.request", "uuid",
    "warnings", "wave", "weakref", "zipfile",
)  # fmt: skip


def documentation():
    """The docstrings, each once, in the order of the modules and of the names in them."""
    found = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of what is merely looked at
        for module in map(importlib.import_module, MODULES):
            for thing in (module, *members(module)):
                text = inspect.cleandoc(thing.__doc__) if isinstance(thing.__doc__, str) else ""
                found["".join(c for c in text if c == "\n" or " " <= c <= "~")] = None
    text = "\n\n".join(filter(None, found))
    if len(text) < 100_000:
        raise SystemExit("there are no docstrings to learn from: run Python without -OO")
    return text


def members(module):
    """Public classes and functions, and the methods of these classes, by name."""
    for name, thing in sorted(vars(module).items()):
        if not name.startswith("_") and (inspect.isclass(thing) or inspect.isroutine(thing)):
            yield thing
            if inspect.isclass(thing):
                methods = sorted(vars(thing).items())
                yield from (m for n, m in methods if n[0] != "_" and inspect.isroutine(m))


class Characters:
    """The characters of a text, numbered."""

    def __init__(self, text):
        self.all = sorted(set(text))
        self.numbers = {character: number for number, character in enumerate(self.all)}

    def __len__(self):
        return len(self.all)

    def encoded(self, text):
        return np.array([self.numbers[character] for character in text])

    def decoded(self, numbers):
        return "".join(self.all[number] for number in numbers)


def drawn(logits, temperature, rng):
    """A number with the probabilities softmax(logits / temperature)."""
    scores = logits / temperature
    odds = np.exp(scores - scores.max())
    return int(rng.choice(len(odds), p=odds / odds.sum()))
