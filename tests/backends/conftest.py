"""The real frameworks: `make test-backends` installs them and chooses these tests with -m backend.

Any other run does not even collect them, so that none is ever skipped.
"""


def pytest_ignore_collect(collection_path, config):
    return True if config.option.markexpr != "backend" else None
