-- name: beat
-- It also says whether facts wait to be written into the bucket: nobody has to ask.
INSERT INTO host (id, name, lease_until)
VALUES (%(id)s, %(name)s, clock_timestamp() + %(lease_s)s * interval '1 second')
ON CONFLICT (id) DO UPDATE
   SET name = excluded.name,
       lease_until = excluded.lease_until
RETURNING EXISTS (SELECT FROM fact);

-- name: appear
-- Only where there is no running lease: a host that beats is not written to each time.
INSERT INTO host (id, name, lease_until)
SELECT %(id)s, %(name)s, clock_timestamp() + %(lease_s)s * interval '1 second'
 WHERE NOT EXISTS (SELECT
                     FROM host
                    WHERE id = %(id)s
                      AND lease_until > clock_timestamp())
ON CONFLICT (id) DO UPDATE
   SET name = excluded.name,
       lease_until = excluded.lease_until;

-- name: server_time
SELECT clock_timestamp();

-- name: release
-- Ends a lease that runs; others may take over at once. It tells how many sessions.
WITH released AS (
    UPDATE host
       SET lease_until = clock_timestamp()
     WHERE id = %(id)s
       AND lease_until > clock_timestamp()
)
SELECT count(*)
  FROM session
 WHERE host = %(id)s
   AND deleted_at IS NULL;
