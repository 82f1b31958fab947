import pytest

from expokeep.snapshot.project import project_name


@pytest.mark.parametrize(
    ("contents", "name"),
    [
        ({}, None),
        ({b"app.json": b'{"expo": {"name": "Shop"}}'}, "Shop"),
        ({b"app.json": b"{not json", b"package.json": b'{"name": "p"}'}, "p"),
        ({b"app.json": b"[]"}, None),
        ({b"app.json": b'{"expo": {"name": 7}}'}, None),
        ({b"app.json": b'{"expo": {"name": "  "}}'}, None),
        ({b"app.json": b'{"expo": [], "name": "x"}'}, None),
        ({b"app.json": b"\xff\xfe"}, None),
        ({b"app.json": b"[" * 100_000}, None),
        ({b"app.json": b'{"expo": {"name": "' + b"x" * 500 + b'"}}'}, "x" * 200),
    ],
)
def test_a_project_is_called_what_it_calls_itself(contents, name):
    assert project_name(contents) == name
