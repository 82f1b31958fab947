-- name: live
SELECT id
  FROM pack
 WHERE state = 'live'
   AND id > %(after)s
 ORDER BY id
 LIMIT %(limit)s;

-- name: unneeded
SELECT pack.id, pack.key, pack.size_bytes
  FROM pack
 WHERE pack.id = ANY (%(ids)s::uuid[])
   AND pack.state = 'live'
   AND NOT is_needed(pack.id);

-- name: retire
-- Without a lock on what it refers to: whoever comes to need it meanwhile revives it, or
-- is found when it is doomed.
UPDATE pack
   SET state = 'retired',
       state_at = now()
 WHERE id IN (SELECT pack.id
                FROM pack
               WHERE pack.id = ANY (%(ids)s::uuid[])
                 AND pack.state = 'live'
                 AND NOT is_needed(pack.id)
               ORDER BY pack.id
                 FOR NO KEY UPDATE SKIP LOCKED)
RETURNING id, key, size_bytes;

-- name: due
SELECT id
  FROM pack
 WHERE state = 'retired'
   AND state_at <= now() - %(grace_s)s * interval '1 second'
   AND id <> ALL (%(not_again)s::uuid[])
 ORDER BY state_at, id
 LIMIT %(limit)s
   FOR UPDATE SKIP LOCKED;

-- name: hold
-- Who counts on contents holds them from his intent to its commit. What we cannot get at
-- once is counted on just now: then its pack has time until the next run.
WITH held AS MATERIALIZED (
    SELECT blob.id
      FROM blob
     WHERE blob.pack = ANY (%(ids)s::uuid[])
       FOR UPDATE SKIP LOCKED
)
SELECT blob.pack
  FROM blob
  LEFT JOIN held ON held.id = blob.id
 WHERE blob.pack = ANY (%(ids)s::uuid[])
 GROUP BY blob.pack
HAVING count(*) > count(held.id);

-- name: revive
-- In a statement after the one that took the locks, so that it sees what was committed
-- before we had them.
UPDATE pack
   SET state = 'live',
       state_at = now()
 WHERE id = ANY (%(ids)s::uuid[])
   AND is_needed(id)
RETURNING id;

-- name: drop_blobs
DELETE FROM blob
 WHERE pack = ANY (%(ids)s::uuid[])
   AND NOT EXISTS (SELECT
                     FROM file_version
                    WHERE file_version.blob = blob.id);

-- name: doom
UPDATE pack
   SET state = 'doomed',
       state_at = now()
 WHERE id = ANY (%(ids)s::uuid[])
   AND NOT EXISTS (SELECT
                     FROM blob
                    WHERE blob.pack = pack.id)
RETURNING id, key, size_bytes;

-- name: stale
-- An intent of a host that was not heard of for long, and that holds nothing any more; or
-- of a merge that was cut short, which its host would never end. What a rebuild could not
-- end is an intent too, and may hold what versions of other sessions need.
SELECT pack.id, pack.key, pack.size_bytes
  FROM pack
  JOIN session ON session.id = pack.session
 WHERE pack.state = 'uploading'
   AND NOT is_needed(pack.id)
   AND (
        (pack.kind = 'merge'
         -- What a rebuild found is of nobody, and may be all that is left of a session.
         AND pack.host IS DISTINCT FROM '00000000-0000-0000-0000-000000000000'
         AND pack.state_at <= now() - least(%(grace_s)s, 3600) * interval '1 second')
        OR
        (pack.state_at <= now() - %(grace_s)s * interval '1 second'
         AND NOT EXISTS (SELECT
                           FROM host
                          WHERE host.id = coalesce(pack.host, session.host)
                            AND host.lease_until
                                > now() - %(grace_s)s * interval '1 second')
         AND NOT EXISTS (SELECT
                           FROM unrecorded
                          WHERE unrecorded.sid = session.sid
                            AND unrecorded.host = coalesce(pack.host, session.host)))
       )
 ORDER BY pack.state_at, pack.id
 LIMIT %(limit)s
   FOR UPDATE OF pack SKIP LOCKED;

-- name: doom_stale
UPDATE pack
   SET state = 'doomed',
       state_at = now(),
       reuses = '{}'
 WHERE id = ANY (%(ids)s::uuid[])
   AND NOT EXISTS (SELECT
                     FROM blob
                    WHERE blob.pack = pack.id)
RETURNING id, key, size_bytes;

-- name: doomed
SELECT id, key, size_bytes
  FROM pack
 WHERE state = 'doomed'
   AND id <> ALL (%(not_again)s::uuid[])
 ORDER BY state_at, id
 LIMIT %(limit)s;

-- name: bury
DELETE FROM pack
 WHERE id = ANY (%(ids)s::uuid[])
   AND state = 'doomed';

-- name: retired
SELECT count(*)::integer, coalesce(sum(size_bytes), 0)::bigint
  FROM pack
 WHERE state = 'doomed'
    OR (state = 'retired'
        AND state_at <= now() - %(grace_s)s * interval '1 second');
