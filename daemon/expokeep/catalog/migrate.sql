-- name: table
SELECT to_regclass('schema_migration');

-- name: applied
SELECT number, checksum
  FROM schema_migration
 ORDER BY number;

-- name: has_schema
SELECT oid
  FROM pg_namespace
 WHERE nspname = %(schema)s;

-- name: create
CREATE TABLE schema_migration (
    number     integer PRIMARY KEY CHECK (number > 0),
    name       text NOT NULL,
    checksum   bytea NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
);

-- name: lock
SELECT pg_advisory_xact_lock(hashtext('expokeep migrate'), hashtext(%(schema)s));

-- name: record
INSERT INTO schema_migration (number, name, checksum)
VALUES (%(number)s, %(name)s, %(checksum)s);
