"""Fuzzing of the loaders. A million runs of one of them, the coverage guiding (needs `pip install -e .[fuzz]`):

    python -m tests.indexer.fuzz md --runs 1000000

`--blind` mutates samples at random instead, a process every few hundred runs. Findings are written to `--out`.
"""
