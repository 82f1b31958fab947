-- name: take
-- Of the session, not of a transaction: it is given back when the connection ends, by
-- us or by our death. One for each schema of a database.
SELECT pg_try_advisory_lock(hashtext('expokeep maintenance'),
                            hashtext(current_schema()));

-- name: age_s
SELECT extract(epoch FROM clock_timestamp() - done_at)::double precision
  FROM chore
 WHERE name = %(name)s;

-- name: done
INSERT INTO chore (name, done_at)
VALUES (%(name)s, clock_timestamp())
ON CONFLICT (name) DO UPDATE
   SET done_at = excluded.done_at;
