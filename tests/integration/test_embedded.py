"""The servers behind `expokeepd --embedded`, as their users meet them."""

import psycopg


def test_an_empty_database_is_the_tests_own(database_url):
    with psycopg.connect(database_url) as connection:
        connection.execute("CREATE TABLE of_mine (id int)")
        tables = connection.execute(
            "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace"
        ).fetchall()

    assert tables == [("of_mine",)]


def test_another_test_sees_nothing_of_it(database_url):
    with psycopg.connect(database_url) as connection:
        row = connection.execute("SELECT to_regclass('of_mine')").fetchone()

    assert row == (None,)
