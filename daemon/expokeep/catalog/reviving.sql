-- name: add_hosts
-- Their names come with their next heartbeat.
INSERT INTO host (id, name, lease_until)
SELECT id, 'host ' || left(id::text, 8), 'epoch'
  FROM unnest(%(ids)s::uuid[]) AS wish (id)
ON CONFLICT (id) DO NOTHING;

-- name: add_epochs
INSERT INTO epoch (session, number, host, device, inode, birth_ns, base_seq, started_at,
                   ended_at)
SELECT session.id, wish.number, wish.host, wish.device, wish.inode, wish.birth_ns,
       wish.base_seq, coalesce(wish.started_at, now()), wish.ended_at
  FROM session
 CROSS JOIN unnest(%(numbers)s::integer[], %(hosts)s::uuid[], %(devices)s::numeric[],
                   %(inodes)s::numeric[], %(births_ns)s::bigint[],
                   %(base_seqs)s::integer[], %(starts)s::timestamptz[],
                   %(ends)s::timestamptz[])
       AS wish (number, host, device, inode, birth_ns, base_seq, started_at, ended_at)
 WHERE session.sid = %(session)s;

-- name: record
INSERT INTO version (session, seq, epoch, parent_seq, pack, told_by, taken_at,
                     recorded_at, trigger, tree, file_count, size_bytes, message, author,
                     parked, pinned, pinned_at, origin_session, origin_seq)
SELECT session.id, %(seq)s, %(epoch)s, %(parent)s, %(pack)s, %(told_by)s, %(taken_at)s,
       coalesce(%(recorded_at)s, now()), %(trigger)s, %(tree)s, %(file_count)s,
       %(size_bytes)s, %(message)s, %(author)s, %(parked)s, %(pinned)s,
       %(pinned_at)s, %(origin_session)s, %(origin_seq)s
  FROM session
 WHERE session.sid = %(session)s;

-- name: end_chains
UPDATE epoch
   SET tip_seq = last.seq,
       tip_pack = last.pack
  FROM session
 CROSS JOIN LATERAL (SELECT DISTINCT ON (version.epoch)
                            version.epoch, version.seq, version.pack
                       FROM version
                      WHERE version.session = session.id
                      ORDER BY version.epoch, version.seq DESC) AS last
 WHERE session.sid = %(session)s
   AND epoch.session = session.id
   AND epoch.number = last.epoch
   AND epoch.tip_pack IS DISTINCT FROM last.pack;

-- name: label
INSERT INTO label (session, name, seq, labelled_at)
SELECT session.id, wish.name, wish.seq, wish.labelled_at
  FROM session
 CROSS JOIN unnest(%(names)s::text[], %(seqs)s::integer[], %(times)s::timestamptz[])
       AS wish (name, seq, labelled_at)
 WHERE session.sid = %(session)s
ON CONFLICT (session, name) DO UPDATE
   SET seq = excluded.seq,
       labelled_at = excluded.labelled_at;

-- name: template
INSERT INTO template (session, name, owner, uid, seq, created_at)
SELECT session.id, wish.name, wish.owner, wish.uid, wish.seq, wish.created_at
  FROM session
 CROSS JOIN unnest(%(names)s::text[], %(owners)s::text[], %(uids)s::bigint[],
                   %(seqs)s::integer[], %(times)s::timestamptz[])
       AS wish (name, owner, uid, seq, created_at)
 WHERE session.sid = %(session)s
ON CONFLICT (name, owner, uid) DO UPDATE
   SET session = excluded.session,
       seq = excluded.seq,
       created_at = excluded.created_at;

-- name: untemplate
DELETE FROM template
 USING session
 WHERE session.sid = %(session)s
   AND template.session = session.id
   AND (template.name, template.owner, template.uid) NOT IN
       (SELECT *
          FROM unnest(%(names)s::text[], %(owners)s::text[], %(uids)s::bigint[]));

-- name: pin
UPDATE version
   SET pinned = true
  FROM session
 WHERE session.sid = %(session)s
   AND version.session = session.id
   AND version.seq = ANY (%(seqs)s::integer[]);

-- name: move
UPDATE session
   SET last_seq = greatest(last_seq, %(last_seq)s),
       head_seq = coalesce(%(head_seq)s, head_seq)
 WHERE sid = %(session)s;

-- name: describe
UPDATE session
   SET owner = %(owner)s,
       project_name = %(project_name)s,
       root_uid = %(uid)s,
       root_gid = %(gid)s,
       root_mode = %(mode)s,
       fence = greatest(fence, %(fence)s),
       host = coalesce(host, %(host)s),
       created_at = least(created_at, %(created_at)s),
       deleted_at = %(deleted_at)s,
       expired = %(expired)s
 WHERE sid = %(session)s;

-- name: end_entries
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

-- name: add_entries
INSERT INTO file_version (session, epoch, path, valid_from, valid_to, kind, mode,
                          mtime_ns, blob, target)
SELECT session.id, wish.epoch, named.id, wish.valid_from, wish.valid_to, wish.kind,
       wish.mode, wish.mtime_ns, stored.id, wish.target
  FROM session
 CROSS JOIN unnest(%(names)b::bytea[], %(epochs)b::integer[], %(froms)b::integer[],
                   %(tos)b::integer[], %(kinds)s::text[], %(modes)s::smallint[],
                   %(mtimes_ns)b::bigint[], %(digests)b::bytea[], %(targets)b::bytea[])
       AS wish (name, epoch, valid_from, valid_to, kind, mode, mtime_ns, digest, target)
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

-- name: carry
-- The manifests of what was forgotten are what later versions are told by.
UPDATE pack
   SET tells_epoch = wish.epoch,
       tells_from = least(tells_from, wish.seq),
       tells_to = greatest(tells_to, wish.seq)
  FROM unnest(%(ids)s::uuid[], %(epochs)s::integer[], %(seqs)s::integer[])
       AS wish (id, epoch, seq)
 WHERE pack.id = wish.id;

-- name: revise
UPDATE version
   SET parked = wish.parked,
       pinned = wish.pinned,
       pinned_at = wish.pinned_at,
       message = wish.message
  FROM unnest(%(packs)s::uuid[], %(parked)s::text[], %(pinned)s::boolean[],
              %(pinned_at)s::timestamptz[], %(messages)s::text[])
       AS wish (pack, parked, pinned, pinned_at, message)
 WHERE version.pack = wish.pack;

-- name: unlabel
DELETE FROM label
 USING session
 WHERE session.sid = %(session)s
   AND label.session = session.id
   AND label.name <> ALL (%(names)s::text[]);
