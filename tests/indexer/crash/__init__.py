"""The crash harness: kills, power cuts, failing disks and random histories, each checked against a model kept outside.

`python -m tests.indexer.crash` runs the full forms; the tests here run short ones of the same code.
"""
