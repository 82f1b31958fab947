-- name: intend
-- One statement, so that what is found cannot go before the intent that counts on it is
-- there. The locks hold off whoever deletes blobs; he looks at intents once he has his.
WITH target AS (
    SELECT id, scope
      FROM session
     WHERE sid = %(session)s
), wish AS (
    SELECT *
      FROM unnest(%(ids)s::uuid[], %(keys)s::text[], %(kinds)s::text[],
                  %(levels)s::smallint[], %(sizes_bytes)b::bigint[])
           WITH ORDINALITY AS wish (id, key, kind, level, size_bytes, place)
), known AS MATERIALIZED (
    SELECT blob.digest
      FROM target
      JOIN blob
        ON blob.scope = target.scope
       AND blob.digest = ANY (%(wanted)b::bytea[])
      JOIN pack ON pack.id = blob.pack
     WHERE pack.state IN ('live', 'retired')
       -- What a check doubts is stored again, unless it was counted on before.
       AND (NOT blob.is_doubted
            OR EXISTS (SELECT
                         FROM pack AS begun
                        WHERE begun.id = ANY (%(ids)s::uuid[])
                          AND blob.digest = ANY (begun.reuses)))
       FOR KEY SHARE OF blob
), intent AS (
    INSERT INTO pack (id, scope, session, host, key, kind, level, size_bytes, state,
                      reuses)
    SELECT wish.id, target.scope, target.id, %(host)s, wish.key, wish.kind, wish.level,
           wish.size_bytes, 'uploading',
           CASE WHEN wish.place = 1
                THEN coalesce((SELECT array_agg(digest) FROM known), '{}')
                ELSE '{}' END
      FROM target
     CROSS JOIN wish
    ON CONFLICT (id) DO UPDATE
       SET reuses = ARRAY(SELECT unnest(pack.reuses)
                          UNION
                          SELECT unnest(excluded.reuses)),
           size_bytes = excluded.size_bytes
     WHERE pack.state = 'uploading'
)
SELECT EXISTS (SELECT FROM target) AS is_known,
       EXISTS (SELECT
                 FROM wish
                 JOIN pack
                   ON pack.id = wish.id
                  AND pack.key <> wish.key
                  AND pack.state = 'doomed') AS is_blocked,
       coalesce((SELECT array_agg(digest) FROM known), '{}') AS known;

-- name: displace
-- Its object is still to be deleted, whatever the row is called. It has no contents any
-- more: those went when it was doomed.
UPDATE pack
   SET id = gen_random_uuid()
  FROM unnest(%(ids)s::uuid[], %(keys)s::text[]) AS wish (id, key)
 WHERE pack.id = wish.id
   AND pack.key <> wish.key
   AND pack.state = 'doomed';

-- name: states
SELECT id, state
  FROM pack
 WHERE id = ANY (%(ids)s::uuid[]);

-- name: lock
SELECT
  FROM pack
 WHERE id = ANY (%(ids)s::uuid[])
 ORDER BY id
   FOR NO KEY UPDATE;

-- name: publish
-- What was counted on is referred to from now on, and an intent no longer.
UPDATE pack
   SET state = 'live',
       state_at = now(),
       size_bytes = done.size_bytes,
       reuses = '{}'
  FROM unnest(%(ids)s::uuid[], %(sizes_bytes)b::bigint[]) AS done (id, size_bytes)
 WHERE pack.id = done.id;

-- name: revive
-- A pack on its way out comes back because something of it is used again.
UPDATE pack
   SET state = 'live',
       state_at = now()
 WHERE id IN (SELECT id
                FROM pack
               WHERE id = ANY (%(ids)s::uuid[])
                 AND state = 'retired'
               ORDER BY id
                 FOR NO KEY UPDATE);
