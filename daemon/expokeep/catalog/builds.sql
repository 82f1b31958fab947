-- name: listed
-- Everything that a list of builds shows, in one statement. An icon is found where a new
-- Expo project has it. While somebody pages, what is used meanwhile comes first again.
SELECT session.sid AS session, session.owner, session.project_name,
       head.seq AS version, coalesce(head.file_count, 0) AS file_count,
       coalesce(head.size_bytes, 0) AS size_bytes, head.message,
       ARRAY(SELECT label.name
               FROM label
              WHERE label.session = session.id
              ORDER BY label.name) AS labels,
       session.created_at, head.taken_at AS saved_at, session.accessed_at,
       CASE WHEN NOT is_held(session.id)
            THEN last_used(session.id) + %(days)s * interval '1 day'
       END AS expires_at,
       (EXISTS (SELECT
                  FROM version
                 WHERE version.session = session.id
                   AND version.pinned_at IS NOT NULL)
        OR EXISTS (SELECT
                     FROM template
                    WHERE template.session = session.id)) AS is_pinned,
       EXISTS (SELECT
                 FROM shared
                WHERE shared.session = session.id) AS is_shared,
       newest.parked, session.deleted_at, session.expired,
       (SELECT path.name
          FROM path
          JOIN file_version
            ON file_version.path = path.id
           AND file_version.epoch = head.epoch
           AND file_version.valid_from <= head.seq
           AND coalesce(file_version.valid_to > head.seq, true)
           AND file_version.kind = 'f'
         WHERE path.session = session.id
           AND sha256(path.name) IN (sha256('assets/icon.png'),
                                     sha256('assets/images/icon.png'))
         ORDER BY path.name
         LIMIT 1) AS icon
  FROM session
  LEFT JOIN version AS head
    ON head.session = session.id
   AND head.seq = session.head_seq
  LEFT JOIN version AS newest
    ON newest.session = session.id
   AND newest.seq = session.last_seq
 WHERE session.last_seq > 0
   AND (%(owner)s::text IS NULL OR session.owner = %(owner)s)
   AND (%(uid)s::bigint IS NULL OR session.root_uid = %(uid)s)
   AND (%(session)s::text IS NULL OR session.sid = %(session)s)
   AND (session.deleted_at IS NOT NULL) = %(deleted)s
   AND EXISTS (SELECT
                 FROM version
                WHERE version.session = session.id)
   AND (NOT %(shared)s OR EXISTS (SELECT
                                    FROM shared
                                   WHERE shared.session = session.id))
   AND (%(after_at)s::timestamptz IS NULL
        OR (session.accessed_at, session.sid) < (%(after_at)s, %(after)s))
 ORDER BY session.accessed_at DESC, session.sid DESC
 LIMIT %(limit)s;

-- name: expiring_soon
SELECT session.sid AS session, session.owner,
       last_used(session.id) + %(days)s * interval '1 day' AS expires_at
  FROM session
 WHERE session.deleted_at IS NULL
   AND session.last_seq > 0
   AND session.accessed_at < now() - %(days)s * interval '1 day'
                                   + %(warn_s)s * interval '1 second'
   AND last_used(session.id) < now() - %(days)s * interval '1 day'
                                     + %(warn_s)s * interval '1 second'
   AND NOT is_held(session.id)
   AND (%(owner)s::text IS NULL OR session.owner = %(owner)s)
   AND (%(uid)s::bigint IS NULL OR session.root_uid = %(uid)s)
 ORDER BY expires_at, session.sid
 LIMIT %(limit)s;

-- name: warned
-- Those of some sessions of which nobody was told since they were last used.
INSERT INTO expiry_warning (session, last_used_at)
SELECT session.id, last_used(session.id)
  FROM session
 WHERE session.sid = ANY (%(sessions)s)
    ON CONFLICT (session) DO UPDATE
   SET last_used_at = excluded.last_used_at,
       warned_at = now()
 WHERE expiry_warning.last_used_at <> excluded.last_used_at
RETURNING (SELECT session.sid
             FROM session
            WHERE session.id = expiry_warning.session);

-- name: over_quota
SELECT session.sid, version.parked
  FROM session
  JOIN version
    ON version.session = session.id
   AND version.seq = session.last_seq
   AND starts_with(version.parked, %(over)s)
 WHERE session.deleted_at IS NULL
   AND (%(owner)s::text IS NULL OR session.owner = %(owner)s)
   AND (%(uid)s::bigint IS NULL OR session.root_uid = %(uid)s)
 ORDER BY session.sid
 LIMIT %(limit)s;
