-- name: replace
-- What a check doubts is from now on where it was stored again.
UPDATE blob
   SET size_bytes = place.size_bytes,
       pack = place.pack,
       frame_offset = place.frame_offset,
       frame_length = place.frame_length,
       frame_raw_length = place.frame_raw_length,
       raw_offset = place.raw_offset,
       is_doubted = false
  FROM session
 CROSS JOIN unnest(%(digests)b::bytea[], %(sizes_bytes)b::bigint[], %(packs)b::uuid[],
                   %(frame_offsets)b::bigint[], %(frame_lengths)b::bigint[],
                   %(frame_raw_lengths)b::bigint[], %(raw_offsets)b::bigint[])
       AS place (digest, size_bytes, pack, frame_offset, frame_length,
                 frame_raw_length, raw_offset)
 WHERE session.sid = %(session)s
   AND blob.scope = session.scope
   AND blob.digest = place.digest
   AND blob.is_doubted;

-- name: add
-- Sorted, or two commits that share contents wait for each other for ever.
INSERT INTO blob (scope, digest, size_bytes, pack, frame_offset, frame_length,
                  frame_raw_length, raw_offset)
SELECT session.scope, place.digest, place.size_bytes, place.pack, place.frame_offset,
       place.frame_length, place.frame_raw_length, place.raw_offset
  FROM session
 CROSS JOIN unnest(%(digests)b::bytea[], %(sizes_bytes)b::bigint[], %(packs)b::uuid[],
                   %(frame_offsets)b::bigint[], %(frame_lengths)b::bigint[],
                   %(frame_raw_lengths)b::bigint[], %(raw_offsets)b::bigint[])
       AS place (digest, size_bytes, pack, frame_offset, frame_length,
                 frame_raw_length, raw_offset)
 WHERE session.sid = %(session)s
 ORDER BY place.digest
ON CONFLICT (scope, digest) DO NOTHING;

-- name: hold
-- From here until the commit nobody can delete them.
SELECT blob.digest, pack.id, pack.state = 'retired' AS is_retired
  FROM session
  JOIN blob
    ON blob.scope = session.scope
   AND blob.digest = ANY (%(digests)b::bytea[])
  JOIN pack ON pack.id = blob.pack
 WHERE session.sid = %(session)s
   AND pack.state <> 'doomed'
   FOR KEY SHARE OF blob;

-- name: places
SELECT blob.digest, blob.size_bytes, pack.id, pack.key, blob.frame_offset,
       blob.frame_length, blob.frame_raw_length, blob.raw_offset
  FROM scope
  JOIN blob
    ON blob.scope = scope.id
   AND blob.digest = ANY (%(digests)b::bytea[])
  JOIN pack ON pack.id = blob.pack
 WHERE scope.name = %(scope)s
   AND pack.state <> 'doomed';
