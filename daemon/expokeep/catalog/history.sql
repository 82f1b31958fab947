-- name: name_paths
-- Nobody else adds names here: the caller has the lock of the session.
INSERT INTO path (session, name)
SELECT session.id, wish.name
  FROM session
 CROSS JOIN unnest(%(names)b::bytea[]) AS wish (name)
 WHERE session.sid = %(session)s
   AND NOT EXISTS (SELECT
                     FROM path
                    WHERE path.session = session.id
                      AND sha256(path.name) = sha256(wish.name));

-- name: end
-- Through arrays and LATERAL, here and below: each name is looked up in the index, even
-- in a catalog so young that Postgres has no statistics and would rather read it all.
UPDATE file_version
   SET valid_to = %(seq)s
 WHERE epoch = %(epoch)s
   AND valid_to IS NULL
   AND path = ANY (ARRAY(
           SELECT known.id
             FROM session
            CROSS JOIN unnest(%(names)b::bytea[]) AS wish (name)
            CROSS JOIN LATERAL (SELECT path.id
                                  FROM path
                                 WHERE path.session = session.id
                                   AND sha256(path.name) = sha256(wish.name)
                                 LIMIT 1) AS known
            WHERE session.sid = %(session)s));

-- name: start
INSERT INTO file_version (session, epoch, path, valid_from, kind, mode, mtime_ns, blob,
                          target)
SELECT session.id, %(epoch)s, named.id, %(seq)s, wish.kind, wish.mode, wish.mtime_ns,
       stored.id, wish.target
  FROM session
 CROSS JOIN unnest(%(names)b::bytea[], %(kinds)s::text[], %(modes)s::smallint[],
                   %(mtimes_ns)b::bigint[], %(digests)b::bytea[], %(targets)b::bytea[])
       AS wish (name, kind, mode, mtime_ns, digest, target)
 CROSS JOIN LATERAL (SELECT path.id
                       FROM path
                      WHERE path.session = session.id
                        AND sha256(path.name) = sha256(wish.name)
                      LIMIT 1) AS named
  LEFT JOIN LATERAL (SELECT blob.id
                       FROM blob
                      WHERE blob.scope = session.scope
                        AND blob.digest = wish.digest
                      LIMIT 1) AS stored ON true
 WHERE session.sid = %(session)s;

-- name: root
SELECT session.root_uid, session.root_gid, session.root_mode
  FROM session
  JOIN version
    ON version.session = session.id
   AND version.seq = %(seq)s
   AND version.epoch = %(epoch)s
 WHERE session.sid = %(session)s;

-- name: tree
SELECT path.name, entry.kind, entry.mode, entry.mtime_ns, blob.digest, blob.size_bytes,
       entry.target
  FROM session
  JOIN file_version AS entry ON entry.session = session.id
  JOIN path ON path.id = entry.path
  LEFT JOIN blob ON blob.id = entry.blob
 WHERE session.sid = %(session)s
   AND entry.epoch = %(epoch)s
   AND entry.valid_from <= %(seq)s
   AND (entry.valid_to IS NULL OR entry.valid_to > %(seq)s);

-- name: kept
SELECT path.name, entry.kind, entry.mode, entry.mtime_ns, blob.digest, blob.size_bytes,
       entry.target,
       pack.id, pack.key, blob.frame_offset, blob.frame_length, blob.frame_raw_length,
       blob.raw_offset
  FROM session
  JOIN file_version AS entry ON entry.session = session.id
  JOIN path ON path.id = entry.path
  LEFT JOIN blob ON blob.id = entry.blob
  LEFT JOIN pack ON pack.id = blob.pack
 WHERE session.sid = %(session)s
   AND entry.epoch = %(epoch)s
   AND entry.valid_from <= %(seq)s
   AND (entry.valid_to IS NULL OR entry.valid_to > %(seq)s);

-- name: names
SELECT path.id, path.name
  FROM path
  JOIN session ON session.id = path.session
 WHERE session.deleted_at IS NULL
   AND (cardinality(%(sessions)s::text[]) = 0
        OR session.sid = ANY (%(sessions)s::text[]));

-- name: lives
-- From the first to the last version that is kept: an entry may be older than what was
-- forgotten. Of one that still holds the last is not asked for.
SELECT path.name, entry.kind, entry.mode, entry.mtime_ns, blob.digest, blob.size_bytes,
       entry.target,
       session.sid, entry.epoch, coalesce(had.first_seq, entry.valid_from),
       CASE WHEN entry.valid_to IS NOT NULL
            THEN coalesce(had.last_seq, entry.valid_to - 1) END
  FROM path
  JOIN session ON session.id = path.session
  JOIN file_version AS entry ON entry.path = path.id
  LEFT JOIN blob ON blob.id = entry.blob
 CROSS JOIN LATERAL (SELECT min(version.seq) AS first_seq, max(version.seq) AS last_seq
                       FROM version
                      WHERE version.session = entry.session
                        AND version.epoch = entry.epoch
                        AND version.seq >= entry.valid_from
                        AND (entry.valid_to IS NULL
                             OR version.seq < entry.valid_to)) AS had
 WHERE path.id = ANY (%(paths)s::bigint[])
 ORDER BY session.sid, path.name, entry.epoch, entry.valid_from;
