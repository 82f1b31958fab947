import pytest

import rows as both


@pytest.fixture
def rows(catalog_url):
    with both.begun(catalog_url) as held:
        yield held
