-- name: remarks
SELECT version.seq, version.pinned AS is_pinned,
       ARRAY(SELECT label.name
               FROM label
              WHERE label.session = version.session
                AND label.seq = version.seq
              ORDER BY label.name) AS labels
  FROM session
  JOIN version
    ON version.session = session.id
   AND version.seq = ANY (%(seqs)s::integer[])
 WHERE session.sid = %(session)s
   AND (version.pinned
        OR EXISTS (SELECT
                     FROM label
                    WHERE label.session = version.session
                      AND label.seq = version.seq));

-- name: counts
-- What differs from the parent, which within an epoch is the kept version before it: so
-- an entry went in the first kept version that has it no more. Only the first version of
-- an epoch is compared with a whole tree.
WITH line AS (
    SELECT version.session, version.seq, version.epoch, parent.seq AS parent_seq,
           parent.epoch AS parent_epoch
      FROM session
      JOIN version
        ON version.session = session.id
       AND version.seq = ANY (%(seqs)s::integer[])
      LEFT JOIN version AS parent
        ON parent.session = version.session
       AND parent.seq = version.parent_seq
     WHERE session.sid = %(session)s
), came AS (
    SELECT line.seq, entry.path, entry.kind, entry.mode, entry.blob, entry.target
      FROM line
      JOIN file_version AS entry
        ON entry.session = line.session
       AND entry.epoch = line.epoch
       AND entry.valid_from <= line.seq
       AND entry.valid_from > CASE WHEN line.parent_epoch = line.epoch
                                   THEN line.parent_seq
                                   ELSE 0 END
       AND (entry.valid_to IS NULL OR entry.valid_to > line.seq)
     WHERE entry.kind <> 'd'
), ended AS (
    SELECT entry.*, next.seq AS last_of
      FROM session
      JOIN file_version AS entry ON entry.session = session.id
     CROSS JOIN LATERAL (SELECT min(version.seq) AS seq
                           FROM version
                          WHERE version.session = entry.session
                            AND version.epoch = entry.epoch
                            AND version.seq >= entry.valid_to) AS next
     WHERE session.sid = %(session)s
       AND entry.valid_to IS NOT NULL
       AND entry.kind <> 'd'
), went AS (
    SELECT line.seq, ended.path, ended.kind, ended.mode, ended.blob, ended.target
      FROM line
      JOIN ended
        ON ended.epoch = line.epoch
       AND ended.last_of = line.seq
       AND ended.valid_from <= line.parent_seq
     WHERE line.parent_epoch = line.epoch
     UNION ALL
    SELECT line.seq, entry.path, entry.kind, entry.mode, entry.blob, entry.target
      FROM line
      JOIN file_version AS entry
        ON entry.session = line.session
       AND entry.epoch = line.parent_epoch
       AND entry.valid_from <= line.parent_seq
       AND (entry.valid_to IS NULL OR entry.valid_to > line.parent_seq)
     WHERE line.parent_epoch <> line.epoch
       AND entry.kind <> 'd'
), change AS (
    SELECT seq, came.path IS NOT NULL AS is_there, went.path IS NOT NULL AS was_there,
           came.blob, went.blob AS old_blob
      FROM came
      FULL JOIN went USING (seq, path)
     WHERE (came.kind, came.mode, came.blob, came.target)
           IS DISTINCT FROM (went.kind, went.mode, went.blob, went.target)
), renamed AS (
    SELECT one.seq, sum(least(one.came, one.went))::integer AS files
      FROM (SELECT change.seq, coalesce(change.blob, change.old_blob) AS blob,
                   count(*) FILTER (WHERE NOT change.was_there) AS came,
                   count(*) FILTER (WHERE NOT change.is_there) AS went
              FROM change
             WHERE change.is_there <> change.was_there
             GROUP BY change.seq, coalesce(change.blob, change.old_blob)) AS one
      JOIN blob ON blob.id = one.blob
     WHERE blob.size_bytes > 0
     GROUP BY one.seq
)
SELECT change.seq,
       (count(*) FILTER (WHERE NOT change.was_there)
        - coalesce(max(renamed.files), 0))::integer AS added,
       (count(*) FILTER (WHERE change.is_there AND change.was_there))::integer
       AS modified,
       (count(*) FILTER (WHERE NOT change.is_there)
        - coalesce(max(renamed.files), 0))::integer AS deleted,
       coalesce(max(renamed.files), 0)::integer AS renamed,
       coalesce(sum(blob.size_bytes)
                FILTER (WHERE change.blob IS DISTINCT FROM change.old_blob),
                0)::bigint AS changed_bytes
  FROM change
  LEFT JOIN renamed ON renamed.seq = change.seq
  LEFT JOIN blob ON blob.id = change.blob
 GROUP BY change.seq;

-- name: epochs
-- What is of no directory, a fork or a revert, is over when it is made.
SELECT epoch.number, host.name AS host, epoch.started_at,
       CASE WHEN epoch.inode = 0 THEN epoch.started_at ELSE epoch.ended_at END
       AS ended_at,
       epoch.base_seq, min(version.seq) AS first_seq, max(version.seq) AS last_seq,
       count(version.seq)::integer AS versions
  FROM session
  JOIN epoch ON epoch.session = session.id
  JOIN host ON host.id = epoch.host
  LEFT JOIN version
    ON version.session = epoch.session
   AND version.epoch = epoch.number
 WHERE session.sid = %(session)s
 GROUP BY epoch.number, host.name, epoch.started_at, epoch.ended_at, epoch.base_seq,
          epoch.inode
HAVING epoch.inode <> 0 OR count(version.seq) > 0
 ORDER BY epoch.number DESC;

-- name: chain
WITH RECURSIVE chain AS (
    SELECT version.*, 1 AS depth
      FROM session
      JOIN version
        ON version.session = session.id
       AND version.seq = %(seq)s
     WHERE session.sid = %(session)s
     UNION ALL
    SELECT version.*, chain.depth + 1
      FROM chain
      JOIN version
        ON version.session = chain.session
       AND version.seq = chain.parent_seq
     WHERE chain.depth < %(limit)s
)
SELECT session.sid AS session, chain.seq, chain.epoch, chain.parent_seq AS parent,
       chain.taken_at, chain.trigger, chain.tree, chain.file_count, chain.size_bytes,
       chain.message, chain.author, chain.parked, chain.pack
  FROM chain
  JOIN session ON session.id = chain.session
 ORDER BY chain.depth;

-- name: lives
SELECT path.name, entry.kind, entry.mode, entry.mtime_ns, blob.digest, blob.size_bytes,
       entry.target, session.sid, entry.epoch, entry.valid_from, entry.valid_to
  FROM session
  JOIN path
    ON path.session = session.id
   AND sha256(path.name) = sha256(%(name)b::bytea)
  JOIN file_version AS entry ON entry.path = path.id
  LEFT JOIN blob ON blob.id = entry.blob
 WHERE session.sid = %(session)s;

-- name: holders
-- Of what the caller may see, and of nothing else: the answer for contents that only
-- others have is the answer for contents that nobody has.
SELECT path.name, entry.kind, entry.mode, entry.mtime_ns, blob.digest, blob.size_bytes,
       entry.target, session.sid, entry.epoch, had.first_seq,
       CASE WHEN entry.valid_to IS NOT NULL THEN had.last_seq END
  FROM blob
  JOIN file_version AS entry ON entry.blob = blob.id
  JOIN path ON path.id = entry.path
  JOIN session ON session.id = entry.session
 CROSS JOIN LATERAL (SELECT min(version.seq) AS first_seq, max(version.seq) AS last_seq
                       FROM version
                      WHERE version.session = entry.session
                        AND version.epoch = entry.epoch
                        AND version.seq >= entry.valid_from
                        AND (entry.valid_to IS NULL
                             OR version.seq < entry.valid_to)) AS had
 WHERE blob.digest = %(digest)b
   AND had.first_seq IS NOT NULL
   AND session.deleted_at IS NULL
   AND (%(owner)s::text IS NULL OR session.owner = %(owner)s)
   AND (%(uid)s::bigint IS NULL OR session.root_uid = %(uid)s)
   AND (cardinality(%(sessions)s::text[]) = 0
        OR session.sid = ANY (%(sessions)s::text[]))
 ORDER BY session.sid, path.name, entry.epoch, entry.valid_from
 LIMIT %(limit)s;
