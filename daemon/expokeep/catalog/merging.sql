-- name: crowded
SELECT session.sid, pack.tells_epoch
  FROM pack
  JOIN session ON session.id = pack.session
 WHERE pack.state = 'live'
   AND pack.tells_epoch IS NOT NULL
   AND pack.level < %(top)s
   AND session.deleted_at IS NULL
 GROUP BY session.id, session.sid, pack.tells_epoch, pack.level
HAVING count(*) >= %(fan)s
 ORDER BY count(*) DESC, session.sid
 LIMIT %(limit)s;

-- name: wasteful
-- How much of a frame is dead is an estimate: what shares a frame shares its bytes.
SELECT session.sid, pack.tells_epoch, pack.id
  FROM pack
  JOIN session ON session.id = pack.session
 CROSS JOIN LATERAL (
       SELECT sum(part.size_bytes) AS all_bytes,
              sum(part.size_bytes) FILTER (WHERE NOT part.is_live) AS dead_bytes
         FROM (SELECT blob.frame_length::double precision * blob.size_bytes
                      / blob.frame_raw_length AS size_bytes,
                      EXISTS (SELECT
                                FROM file_version
                               WHERE file_version.blob = blob.id) AS is_live
                 FROM blob
                WHERE blob.pack = pack.id) AS part) AS waste
 WHERE pack.id = ANY (%(ids)s::uuid[])
   AND pack.state = 'live'
   AND pack.kind <> 'big'
   AND session.deleted_at IS NULL
   AND waste.dead_bytes >= %(least_bytes)s
   AND waste.dead_bytes > %(share)s * waste.all_bytes
 ORDER BY session.sid, pack.tells_epoch, pack.id;

-- name: links
SELECT pack.id, pack.kind, pack.level, pack.tells_from, pack.tells_to,
       waste.live_bytes, waste.dead_bytes
  FROM session
  JOIN pack
    ON pack.session = session.id
   AND pack.tells_epoch = %(epoch)s
   AND pack.state = 'live'
 CROSS JOIN LATERAL (
       SELECT coalesce(sum(part.size_bytes) FILTER (WHERE part.is_live), 0)::bigint
              AS live_bytes,
              coalesce(sum(part.size_bytes) FILTER (WHERE NOT part.is_live), 0)::bigint
              AS dead_bytes
         FROM (SELECT blob.frame_length::double precision * blob.size_bytes
                      / blob.frame_raw_length AS size_bytes,
                      EXISTS (SELECT
                                FROM file_version
                               WHERE file_version.blob = blob.id) AS is_live
                 FROM blob
                WHERE blob.pack = pack.id) AS part) AS waste
 WHERE session.sid = %(session)s
 ORDER BY pack.tells_from, pack.tells_to, pack.id;

-- name: kept
SELECT version.seq
  FROM session
  JOIN version ON version.session = session.id
 WHERE session.sid = %(session)s
   AND version.epoch = %(epoch)s
 ORDER BY version.seq;

-- name: told
SELECT session.sid AS session, version.seq, version.epoch,
       version.parent_seq AS parent, version.taken_at, version.trigger, version.tree,
       version.file_count, version.size_bytes, version.message, version.author,
       version.parked, version.pack
  FROM session
  JOIN version ON version.session = session.id
 WHERE session.sid = %(session)s
   AND version.epoch = %(epoch)s
   AND coalesce(version.told_by, version.pack) = ANY (%(packs)s::uuid[])
 ORDER BY version.seq;

-- name: entries
SELECT path.name, entry.kind, entry.mode, entry.mtime_ns, blob.digest, blob.size_bytes,
       entry.target, entry.valid_from, entry.valid_to, blob.pack
  FROM session
  JOIN file_version AS entry ON entry.session = session.id
  JOIN path ON path.id = entry.path
  LEFT JOIN blob ON blob.id = entry.blob
 WHERE session.sid = %(session)s
   AND entry.epoch = %(epoch)s
   AND entry.valid_from <= %(last)s
   AND (entry.valid_to IS NULL OR entry.valid_to > %(first)s);

-- name: blobs
-- What a check has doubted stays where it is: it is not for us to hide it.
SELECT blob.digest, blob.size_bytes, pack.id, pack.key, blob.frame_offset,
       blob.frame_length, blob.frame_raw_length, blob.raw_offset,
       named.name, named.mode, named.mtime_ns, named.in_head, named.sid
  FROM session AS own
  JOIN blob ON blob.pack = ANY (%(packs)s::uuid[])
  JOIN pack ON pack.id = blob.pack
  LEFT JOIN version AS head
    ON head.session = own.id
   AND head.seq = own.head_seq
 CROSS JOIN LATERAL (
       SELECT path.name, entry.mode, entry.mtime_ns, session.sid,
              coalesce(entry.session = own.id
                       AND entry.epoch = head.epoch
                       AND entry.valid_from <= head.seq
                       AND (entry.valid_to IS NULL OR entry.valid_to > head.seq),
                       false) AS in_head
         FROM file_version AS entry
         JOIN path ON path.id = entry.path
         JOIN session ON session.id = entry.session
        WHERE entry.blob = blob.id
          AND (session.deleted_at IS NULL OR NOT %(for_others)s)
        ORDER BY in_head DESC, entry.session = own.id DESC, entry.session, entry.path
        LIMIT 1) AS named
 WHERE own.sid = %(session)s
   AND NOT blob.is_doubted
 ORDER BY pack.key, blob.frame_offset, blob.raw_offset;

-- name: hosts_of_others
-- Deleted sessions whose packs hold what others still need. A big file has its pack for
-- itself: there is nothing in it to be freed.
SELECT session.sid
  FROM session
 WHERE session.deleted_at IS NOT NULL
   AND EXISTS (SELECT
                 FROM pack
                 JOIN blob ON blob.pack = pack.id
                 JOIN file_version ON file_version.blob = blob.id
                 JOIN session AS other ON other.id = file_version.session
                WHERE pack.session = session.id
                  AND pack.state IN ('live', 'retired')
                  AND pack.kind <> 'big'
                  AND other.deleted_at IS NULL)
 ORDER BY session.sid
 LIMIT %(limit)s;

-- name: packs_of
SELECT pack.id
  FROM session
  JOIN pack ON pack.session = session.id
 WHERE session.sid = %(session)s
   AND pack.state IN ('live', 'retired')
   AND pack.kind <> 'big'
 ORDER BY pack.id;

-- name: begin
INSERT INTO pack (id, scope, session, key, kind, level, size_bytes, state, host)
SELECT %(pack)s, session.scope, session.id, %(key)s, 'merge', %(level)s, 0, 'uploading',
       %(host)s
  FROM session
 WHERE session.sid = %(session)s;

-- name: standing
-- Whether the merge is still an intent, and what is told by the packs that it replaces.
SELECT EXISTS (SELECT
                 FROM pack
                WHERE pack.id = %(pack)s
                  AND pack.state = 'uploading'),
       ARRAY(SELECT version.seq
               FROM session
               JOIN version ON version.session = session.id
              WHERE session.sid = %(session)s
                AND coalesce(version.told_by, version.pack) = ANY (%(old)s::uuid[])
              ORDER BY version.seq);

-- name: publish
UPDATE pack
   SET state = 'live',
       state_at = now(),
       size_bytes = %(size_bytes)s
 WHERE id = %(pack)s;

-- name: move
-- Only what is still where it was: the same contents may have been stored anew, because
-- somebody doubted them, and then that is where they are.
UPDATE blob
   SET pack = %(pack)s,
       frame_offset = place.frame_offset,
       frame_length = place.frame_length,
       frame_raw_length = place.frame_raw_length,
       raw_offset = place.raw_offset
  FROM unnest(%(digests)b::bytea[], %(frame_offsets)b::bigint[],
              %(frame_lengths)b::bigint[], %(frame_raw_lengths)b::bigint[],
              %(raw_offsets)b::bigint[])
       AS place (digest, frame_offset, frame_length, frame_raw_length, raw_offset)
 WHERE blob.scope = (SELECT scope FROM pack WHERE pack.id = %(pack)s)
   AND blob.digest = place.digest
   AND blob.pack = ANY (%(old)s::uuid[])
   AND NOT blob.is_doubted;

-- name: tell
UPDATE version
   SET told_by = %(pack)s
  FROM session
 WHERE session.sid = %(session)s
   AND version.session = session.id
   AND version.epoch = %(epoch)s
   AND coalesce(version.told_by, version.pack) = ANY (%(old)s::uuid[]);

-- name: retire
UPDATE pack
   SET state = 'retired',
       state_at = now()
 WHERE id = ANY (%(old)s::uuid[])
   AND state = 'live'
   AND NOT is_needed(id);
