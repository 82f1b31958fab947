-- name: sessions
-- Whoever has one version has nothing to forget.
SELECT session.sid
  FROM session
 WHERE session.deleted_at IS NULL
   AND session.last_seq > 1
   AND session.sid > %(after)s
 ORDER BY session.sid
 LIMIT %(limit)s;

-- name: lines
SELECT version.seq, version.epoch, version.taken_at,
       version.parked IS NOT NULL AS is_parked, version.pinned AS is_pinned,
       EXISTS (SELECT
                 FROM template
                WHERE template.session = version.session
                  AND template.seq = version.seq) AS is_template,
       EXISTS (SELECT
                 FROM shared
                WHERE shared.session = version.session
                  AND shared.seq = version.seq) AS is_shared,
       ARRAY(SELECT label.name
               FROM label
              WHERE label.session = version.session
                AND label.seq = version.seq
              ORDER BY label.name) AS labels,
       version.seq IS NOT DISTINCT FROM session.head_seq AS is_head,
       EXISTS (SELECT
                 FROM epoch
                WHERE epoch.session = version.session
                  AND epoch.tip_seq = version.seq) AS is_tip,
       EXISTS (SELECT
                 FROM epoch
                WHERE epoch.session = version.session
                  AND epoch.base_seq = version.seq
                  AND epoch.ended_at IS NULL) AS is_base
  FROM session
  JOIN version ON version.session = session.id
 WHERE session.sid = %(session)s
   AND session.deleted_at IS NULL
 ORDER BY version.seq DESC;

-- name: forgettable
-- Under the lock of the session. Whoever pins one of these meanwhile waits for us, or we
-- for him: then the condition is looked at again.
SELECT version.seq, version.epoch
  FROM session
  JOIN version
    ON version.session = session.id
   AND version.seq = ANY (%(seqs)s::integer[])
 WHERE session.sid = %(session)s
   AND session.deleted_at IS NULL
   AND version.seq IS DISTINCT FROM session.head_seq
   AND NOT version.pinned
   AND NOT EXISTS (SELECT
                     FROM label
                    WHERE label.session = version.session
                      AND label.seq = version.seq
                      AND NOT %(labels_too)s)
   AND NOT EXISTS (SELECT
                     FROM template
                    WHERE template.session = version.session
                      AND template.seq = version.seq)
   AND NOT EXISTS (SELECT
                     FROM shared
                    WHERE shared.session = version.session
                      AND shared.seq = version.seq)
   AND NOT EXISTS (SELECT
                     FROM epoch
                    WHERE epoch.session = version.session
                      AND (epoch.tip_seq = version.seq
                           OR (epoch.base_seq = version.seq
                               AND epoch.ended_at IS NULL)))
   FOR UPDATE OF version;

-- name: relink
-- A version whose parent goes has from now on the nearest one before that stays.
WITH RECURSIVE up (child, ancestor) AS (
    SELECT version.seq, version.parent_seq
      FROM session
      JOIN version
        ON version.session = session.id
       AND version.parent_seq = ANY (%(seqs)s::integer[])
       AND version.seq <> ALL (%(seqs)s::integer[])
     WHERE session.sid = %(session)s
     UNION ALL
    SELECT up.child, parent.parent_seq
      FROM up
      JOIN session ON session.sid = %(session)s
      JOIN version AS parent
        ON parent.session = session.id
       AND parent.seq = up.ancestor
     WHERE up.ancestor = ANY (%(seqs)s::integer[])
)
UPDATE version
   SET parent_seq = up.ancestor
  FROM up, session
 WHERE session.sid = %(session)s
   AND version.session = session.id
   AND version.seq = up.child
   AND (up.ancestor IS NULL OR up.ancestor <> ALL (%(seqs)s::integer[]));

-- name: unlabel
DELETE FROM label
 USING session
 WHERE session.sid = %(session)s
   AND label.session = session.id
   AND label.seq = ANY (%(seqs)s::integer[]);

-- name: drop_versions
DELETE FROM version
 USING session
 WHERE session.sid = %(session)s
   AND version.session = session.id
   AND version.seq = ANY (%(seqs)s::integer[]);

-- name: drop_entries
-- What still holds at the end of a chain stays in any case: the next version needs it.
DELETE FROM file_version AS entry
 USING session
 WHERE session.sid = %(session)s
   AND entry.session = session.id
   AND entry.epoch = ANY (%(epochs)s::integer[])
   AND entry.valid_to IS NOT NULL
   AND entry.valid_from <= %(last)s
   AND entry.valid_to > %(first)s
   AND NOT EXISTS (SELECT
                     FROM version
                    WHERE version.session = entry.session
                      AND version.epoch = entry.epoch
                      AND version.seq >= entry.valid_from
                      AND version.seq < entry.valid_to);

-- name: drop_paths
DELETE FROM path
 USING session
 WHERE session.sid = %(session)s
   AND path.session = session.id
   AND NOT EXISTS (SELECT
                     FROM file_version
                    WHERE file_version.path = path.id);

-- name: weight
-- Contents that are named only by entries that no version but these has.
WITH going AS (
    SELECT entry.path, entry.epoch, entry.valid_from, entry.blob
      FROM session
      JOIN file_version AS entry ON entry.session = session.id
     WHERE session.sid = %(session)s
       AND entry.blob IS NOT NULL
       AND entry.valid_to IS NOT NULL
       AND NOT EXISTS (SELECT
                         FROM version
                        WHERE version.session = entry.session
                          AND version.epoch = entry.epoch
                          AND version.seq >= entry.valid_from
                          AND version.seq < entry.valid_to
                          AND version.seq <> ALL (%(seqs)s::integer[]))
), alone AS (
    SELECT blob.size_bytes
      FROM blob
     WHERE blob.id IN (SELECT going.blob FROM going)
       AND NOT EXISTS (SELECT
                         FROM file_version AS other
                        WHERE other.blob = blob.id
                          AND NOT EXISTS (SELECT
                                            FROM going
                                           WHERE going.path = other.path
                                             AND going.epoch = other.epoch
                                             AND going.valid_from = other.valid_from))
)
SELECT cardinality(%(seqs)s::integer[]) AS versions, count(*)::integer AS contents,
       coalesce(sum(size_bytes), 0)::bigint AS size_bytes
  FROM alone;
