-- name: begin
-- Of the kind of a merge: should we not come to an end, a sweep dooms it within hours.
INSERT INTO pack (id, scope, session, key, kind, level, size_bytes, state, host)
SELECT %(pack)s, session.scope, session.id, %(key)s, %(kind)s, %(level)s, 0,
       'uploading', host.id
  FROM session
  LEFT JOIN host ON host.id = %(host)s
 WHERE session.sid = %(session)s;

-- name: hold
-- The intent must still be one; nobody else may end it now.
SELECT
  FROM pack
 WHERE id = %(pack)s
   AND state = 'uploading'
   FOR NO KEY UPDATE;

-- name: move
-- Wherever the catalog looked for them so far: here they are, and proved.
UPDATE blob
   SET pack = place.pack,
       frame_offset = place.frame_offset,
       frame_length = place.frame_length,
       frame_raw_length = place.frame_raw_length,
       raw_offset = place.raw_offset,
       size_bytes = place.size_bytes,
       is_doubted = false
  FROM unnest(%(digests)b::bytea[], %(sizes_bytes)b::bigint[], %(packs)b::uuid[],
              %(frame_offsets)b::bigint[], %(frame_lengths)b::bigint[],
              %(frame_raw_lengths)b::bigint[], %(raw_offsets)b::bigint[])
       AS place (digest, size_bytes, pack, frame_offset, frame_length,
                 frame_raw_length, raw_offset)
 WHERE blob.scope = (SELECT scope FROM pack WHERE pack.id = place.pack)
   AND blob.digest = place.digest
   AND blob.pack = ANY (%(old)s::uuid[]);

-- name: publish
UPDATE pack
   SET state = 'live',
       state_at = now(),
       size_bytes = coalesce(%(size_bytes)s, size_bytes)
 WHERE id = %(pack)s;

-- name: tell
UPDATE version
   SET told_by = %(pack)s
  FROM session
 WHERE session.sid = %(session)s
   AND version.session = session.id
   AND version.seq = ANY (%(seqs)s::integer[]);

-- name: retire
UPDATE pack
   SET state = 'retired',
       state_at = now()
 WHERE id = ANY (%(old)s::uuid[])
   AND state = 'live'
   AND NOT is_needed(id);

-- name: park
-- What was said of it before stays readable.
UPDATE version
   SET parked = CASE WHEN parked IS NULL THEN %(reason)s
                     ELSE parked || '; ' || %(reason)s END
  FROM session
 WHERE session.sid = %(session)s
   AND version.session = session.id
   AND version.seq = ANY (%(seqs)s::integer[])
   AND (parked IS NULL OR parked NOT LIKE '%%damaged: %%');

-- name: unpark
UPDATE version
   SET parked = nullif(regexp_replace(parked, '(; )?damaged: .*$', ''), '')
  FROM session
 WHERE session.sid = %(session)s
   AND version.session = session.id
   AND version.seq = ANY (%(seqs)s::integer[])
   AND parked LIKE '%%damaged: %%';

-- name: damaged
SELECT session.sid, version.seq
  FROM scope
  JOIN session ON session.scope = scope.id
  JOIN version ON version.session = session.id
 WHERE scope.name = %(scope)s
   AND version.parked LIKE '%%damaged: %%'
 ORDER BY session.sid, version.seq;

-- name: move_head
UPDATE session
   SET head_seq = %(seq)s
 WHERE sid = %(session)s;

-- name: count
-- The newest version of a session, and of each epoch, is what its counters follow.
UPDATE session
   SET last_seq = greatest(last_seq, (SELECT max(version.seq)
                                        FROM version
                                       WHERE version.session = session.id))
 WHERE sid = %(session)s;

-- name: end_chains
UPDATE epoch
   SET tip_seq = newest.seq,
       tip_pack = newest.pack
  FROM session
 CROSS JOIN LATERAL (SELECT DISTINCT ON (version.epoch)
                            version.epoch, version.seq, version.pack
                       FROM version
                      WHERE version.session = session.id
                      ORDER BY version.epoch, version.seq DESC) AS newest
 WHERE session.sid = %(session)s
   AND epoch.session = session.id
   AND epoch.number = newest.epoch
   AND (epoch.tip_seq IS NULL
        OR epoch.tip_seq < newest.seq
        OR (epoch.tip_seq = newest.seq AND epoch.tip_pack <> newest.pack));

-- name: sum
UPDATE version
   SET file_count = %(file_count)s,
       size_bytes = %(size_bytes)s
  FROM session
 WHERE session.sid = %(session)s
   AND version.session = session.id
   AND version.seq = %(seq)s;

-- name: names
-- Where lost contents were, newest first: a directory may have them still.
SELECT blob.digest, blob.size_bytes, session.sid, path.name, entry.mode, entry.mtime_ns
  FROM scope
  JOIN blob
    ON blob.scope = scope.id
   AND blob.digest = ANY (%(digests)b::bytea[])
  JOIN file_version AS entry ON entry.blob = blob.id
  JOIN session ON session.id = entry.session
  JOIN path ON path.id = entry.path
 WHERE scope.name = %(scope)s
 ORDER BY entry.valid_from DESC
 LIMIT %(limit)s;

-- name: lock
SELECT
  FROM session
 WHERE sid = %(session)s
   FOR NO KEY UPDATE;

-- name: forget_entries
DELETE FROM file_version
 USING session
 WHERE session.sid = %(session)s
   AND file_version.session = session.id
   AND file_version.epoch = %(epoch)s;

-- name: name_paths
INSERT INTO path (session, name)
SELECT session.id, wish.name
  FROM session
 CROSS JOIN (SELECT DISTINCT unnest(%(names)b::bytea[]) AS name) AS wish
 WHERE session.sid = %(session)s
   AND NOT EXISTS (SELECT
                     FROM path
                    WHERE path.session = session.id
                      AND sha256(path.name) = sha256(wish.name));

-- name: write_entries
INSERT INTO file_version (session, epoch, path, valid_from, valid_to, kind, mode,
                          mtime_ns, blob, target)
SELECT session.id, %(epoch)s, path.id, wish.first_seq, wish.end_seq, wish.kind,
       wish.mode, wish.mtime_ns, blob.id, wish.target
  FROM session
 CROSS JOIN unnest(%(names)b::bytea[], %(firsts)b::integer[], %(ends)b::integer[],
                   %(kinds)s::text[], %(modes)s::smallint[], %(mtimes_ns)b::bigint[],
                   %(digests)b::bytea[], %(targets)b::bytea[])
       AS wish (name, first_seq, end_seq, kind, mode, mtime_ns, digest, target)
  JOIN path
    ON path.session = session.id
   AND sha256(path.name) = sha256(wish.name)
  LEFT JOIN blob
    ON blob.scope = session.scope
   AND blob.digest = wish.digest
 WHERE session.sid = %(session)s;

-- name: add_blobs
INSERT INTO blob (scope, digest, size_bytes, pack, frame_offset, frame_length,
                  frame_raw_length, raw_offset)
SELECT pack.scope, place.digest, place.size_bytes, place.pack, place.frame_offset,
       place.frame_length, place.frame_raw_length, place.raw_offset
  FROM unnest(%(digests)b::bytea[], %(sizes_bytes)b::bigint[], %(packs)b::uuid[],
              %(frame_offsets)b::bigint[], %(frame_lengths)b::bigint[],
              %(frame_raw_lengths)b::bigint[], %(raw_offsets)b::bigint[])
       AS place (digest, size_bytes, pack, frame_offset, frame_length,
                 frame_raw_length, raw_offset)
  JOIN pack ON pack.id = place.pack
 ORDER BY place.digest
ON CONFLICT (scope, digest) DO NOTHING;
