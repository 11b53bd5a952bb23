import pytest

from labtui.store.lab import Lab
from tests.support.labs import make_lab


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    folder = tmp_path_factory.mktemp("lab")
    make_lab(folder)
    paths = make_lab(folder, name="second", points=4, ended=5, state="running")
    with Lab(paths) as opened:
        yield opened
