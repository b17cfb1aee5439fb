"""tinygraph beside other engines: `python -m benchmarks`. See README.md."""
