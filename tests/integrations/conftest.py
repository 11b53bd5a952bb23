"""The real libraries: `make test-integrations` installs them and chooses these with -m integration.

Any other run does not even collect them, so that none is ever skipped.
"""


def pytest_ignore_collect(collection_path, config):
    return True if config.option.markexpr != "integration" else None
