"""Databases that are made for a test and gone after it, on a server that others use."""

import contextlib
import uuid
from collections.abc import Iterator

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo


@contextlib.contextmanager
def fresh_database(server_dsn: str, template: str = "template1") -> Iterator[str]:
    """Make a database like `template`, and give its DSN."""
    name = f"test_{uuid.uuid4().hex}"
    create = sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(
        sql.Identifier(name), sql.Identifier(template)
    )
    # FORCE: a test may have left connections of a process that it killed.
    drop = sql.SQL("DROP DATABASE {} (FORCE)").format(sql.Identifier(name))
    with psycopg.connect(server_dsn, autocommit=True) as connection:
        connection.execute(create)
        yield make_conninfo(server_dsn, dbname=name)
        connection.execute(drop)
