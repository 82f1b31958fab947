-- name: packs
-- A page at a time: of all there may be more than one answer should hold.
SELECT pack.id, pack.key, session.sid AS session, pack.kind, pack.level,
       pack.size_bytes, pack.state,
       extract(epoch FROM clock_timestamp() - pack.state_at)::double precision AS age_s,
       EXISTS (SELECT
                 FROM blob
                 JOIN file_version ON file_version.blob = blob.id
                WHERE blob.pack = pack.id) AS is_named,
       EXISTS (SELECT
                 FROM blob
                WHERE blob.pack = pack.id
                  AND NOT blob.is_doubted) AS is_counted_on,
       EXISTS (SELECT
                 FROM version
                WHERE version.told_by = pack.id)
       OR EXISTS (SELECT
                    FROM version
                   WHERE version.pack = pack.id
                     AND version.told_by IS NULL) AS tells,
       EXISTS (SELECT
                 FROM blob
                WHERE blob.pack = pack.id
                  AND blob.is_doubted) AS is_doubted
  FROM scope
  JOIN pack ON pack.scope = scope.id
  JOIN session ON session.id = pack.session
 WHERE scope.name = %(scope)s
   AND pack.id > %(after)s
   AND (%(ids)b::uuid[] IS NULL OR pack.id = ANY (%(ids)b::uuid[]))
 ORDER BY pack.id
 LIMIT %(limit)s;

-- name: known_keys
SELECT key
  FROM pack
 WHERE key = ANY (%(keys)s::text[]);

-- name: packs_of
-- All that a session stands on: its own packs, and those of others that hold contents
-- which it names, or that tell a version of it.
SELECT pack.id
  FROM session
  JOIN pack ON pack.session = session.id
 WHERE session.sid = %(session)s
UNION
SELECT blob.pack
  FROM session
  JOIN file_version AS entry ON entry.session = session.id
  JOIN blob ON blob.id = entry.blob
 WHERE session.sid = %(session)s
UNION
SELECT version.told_by
  FROM session
  JOIN version ON version.session = session.id
 WHERE session.sid = %(session)s
   AND version.told_by IS NOT NULL;

-- name: sessions
SELECT session.sid
  FROM scope
  JOIN session ON session.scope = scope.id
 WHERE scope.name = %(scope)s
 ORDER BY session.sid;

-- name: counters
SELECT head_seq, last_seq
  FROM session
 WHERE sid = %(session)s;

-- name: versions
SELECT version.seq, version.epoch, version.parent_seq AS parent, version.taken_at,
       version.tree, version.file_count, version.size_bytes, version.parked,
       version.pack,
       coalesce(version.told_by, version.pack) AS teller,
       teller.state AS teller_state
  FROM session
  JOIN version ON version.session = session.id
  LEFT JOIN pack AS teller ON teller.id = coalesce(version.told_by, version.pack)
 WHERE session.sid = %(session)s
 ORDER BY version.seq;

-- name: epochs
SELECT epoch.number, epoch.tip_seq, epoch.tip_pack
  FROM session
  JOIN epoch ON epoch.session = session.id
 WHERE session.sid = %(session)s
 ORDER BY epoch.number;

-- name: spans
SELECT path.name, entry.kind, entry.mode, entry.mtime_ns, blob.digest, blob.size_bytes,
       entry.target, entry.epoch, entry.valid_from, entry.valid_to
  FROM session
  JOIN file_version AS entry ON entry.session = session.id
  JOIN path ON path.id = entry.path
  LEFT JOIN blob ON blob.id = entry.blob
 WHERE session.sid = %(session)s
 ORDER BY entry.epoch, entry.valid_from, path.id;

-- name: places
SELECT blob.digest, blob.size_bytes, pack.id, pack.key, blob.frame_offset,
       blob.frame_length, blob.frame_raw_length, blob.raw_offset
  FROM pack
  JOIN blob ON blob.pack = pack.id
 WHERE pack.id = %(pack)s
 ORDER BY blob.frame_offset, blob.raw_offset;

-- name: naming
SELECT DISTINCT session.sid, version.seq
  FROM scope
  JOIN blob
    ON blob.scope = scope.id
   AND blob.digest = ANY (%(digests)b::bytea[])
  JOIN file_version AS entry ON entry.blob = blob.id
  JOIN session ON session.id = entry.session
  JOIN version
    ON version.session = entry.session
   AND version.epoch = entry.epoch
   AND version.seq >= entry.valid_from
   AND (entry.valid_to IS NULL OR version.seq < entry.valid_to)
 WHERE scope.name = %(scope)s
 ORDER BY session.sid, version.seq;

-- name: told_by
SELECT session.sid, version.seq
  FROM version
  JOIN session ON session.id = version.session
 WHERE version.told_by = %(pack)s
    OR (version.pack = %(pack)s AND version.told_by IS NULL)
 ORDER BY session.sid, version.seq;

-- name: doubt
-- Sorted, as everybody locks them.
UPDATE blob
   SET is_doubted = %(doubted)s
 WHERE id IN (SELECT id
                FROM blob
               WHERE pack = %(pack)s
                 AND digest = ANY (%(digests)b::bytea[])
                 AND is_doubted <> %(doubted)s
               ORDER BY digest
                 FOR NO KEY UPDATE);
