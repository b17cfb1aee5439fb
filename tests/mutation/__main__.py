"""`python -m tests.mutation`: show every wrong rule to the checks, and print what they noticed."""

import argparse
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))


def main() -> int:
    # The matrices are small, and each process has a core of its own.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from .report import run

    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    parser.add_argument("--sample", type=int, metavar="N", help="so many of them, at random")
    parser.add_argument("--seed", type=int, default=0, metavar="S", help="of the choice")
    parser.add_argument("--only", metavar="NAME", help="those of an operation, or of `engine`")
    parser.add_argument(
        "--jobs", type=int, default=os.cpu_count(), metavar="N", help="processes; one per core"
    )
    parser.add_argument("--each", metavar="FILE", help="write what caught each, one in a line")
    chosen = parser.parse_args()
    return run(chosen.sample, chosen.seed, chosen.only, chosen.jobs or 1, chosen.each)


if __name__ == "__main__":
    sys.exit(main())
