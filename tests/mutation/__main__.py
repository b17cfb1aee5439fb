"""`python -m tests.mutation`: show every wrong rule to the checks, and print what they noticed."""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))


def main() -> int:
    from .report import run

    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    parser.add_argument("--sample", type=int, metavar="N", help="so many of them, at random")
    parser.add_argument("--seed", type=int, default=0, metavar="S", help="of the choice")
    parser.add_argument("--only", metavar="NAME", help="those of an operation, or of `engine`")
    chosen = parser.parse_args()
    return run(chosen.sample, chosen.seed, chosen.only)


sys.exit(main())
