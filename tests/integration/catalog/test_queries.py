"""Each query is SQL that Postgres takes, and belongs to the method of its name."""

import importlib
import inspect
import re
from importlib import resources

import psycopg
import pytest

from expokeep.catalog import queries

FILES = sorted(
    file.name
    for file in resources.files("expokeep.catalog").iterdir()
    if file.name.endswith(".sql")
)
QUERIES = [
    pytest.param(file, name, text, id=f"{file}-{name}")
    for file in FILES
    for name, text in queries.parsed(
        (resources.files("expokeep.catalog") / file).read_text()
    ).items()
]

DEFINITIONS = {("migrate.sql", "create"), ("rebuilding.sql", "exclusive")}
"""Cannot be prepared; the tests of migrations and of rebuilds run them."""
PREPARED = [query for query in QUERIES if query.values[:2] not in DEFINITIONS]


@pytest.fixture(scope="module")
def migrated(postgres_server, catalog_template):
    info = psycopg.conninfo.make_conninfo(
        postgres_server.dsn, dbname=catalog_template, options="-csearch_path=expokeep"
    )
    with psycopg.connect(info, autocommit=True) as connection:
        yield connection


@pytest.mark.parametrize(("file", "name", "text"), PREPARED)
def test_postgres_takes_every_query(migrated, file, name, text):
    numbers = {}

    def numbered(found):
        return f"${numbers.setdefault(found[1], len(numbers) + 1)}"

    statement = re.sub(r"%\((\w+)\)[sb]", numbered, text)
    migrated.execute(f"PREPARE one AS {statement}")

    migrated.execute("DEALLOCATE one")


@pytest.mark.parametrize(("file", "name", "text"), QUERIES)
def test_a_query_is_run_by_the_method_of_its_name(file, name, text):
    module = importlib.import_module(f"expokeep.catalog.{file.removesuffix('.sql')}")
    classes = [
        one
        for _, one in inspect.getmembers(module, inspect.isclass)
        if one.__module__ == module.__name__
    ]
    methods = [getattr(one, name) for one in classes if hasattr(one, name)]

    assert any(name in method.__code__.co_consts for method in methods)
