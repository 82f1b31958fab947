-- name: create
-- Under the lock of the session, so that the version is there, or no template.
INSERT INTO template (name, owner, uid, session, seq)
SELECT %(name)s, coalesce(session.owner, ''), session.root_uid, session.id, version.seq
  FROM session
  JOIN version
    ON version.session = session.id
   AND version.seq = %(seq)s
 WHERE session.sid = %(session)s
   AND session.deleted_at IS NULL
ON CONFLICT (name, owner, uid) DO NOTHING
RETURNING name;

-- name: templates
SELECT template.name, nullif(template.owner, '') AS owner, template.uid,
       session.sid AS session, template.seq, template.created_at,
       session.project_name, version.file_count, version.size_bytes
  FROM template
  JOIN session ON session.id = template.session
  JOIN version
    ON version.session = template.session
   AND version.seq = template.seq
 WHERE (%(name)s::text IS NULL OR template.name = %(name)s)
   AND (%(owner)s::text IS NULL OR template.owner = %(owner)s)
   AND (%(uid)s::bigint IS NULL OR template.uid = %(uid)s)
   AND (%(session)s::text IS NULL OR session.sid = %(session)s)
 ORDER BY template.name, template.owner, template.uid
 LIMIT %(limit)s;

-- name: drop
DELETE FROM template
 WHERE name = %(name)s
   AND owner = coalesce(%(owner)s, '')
   AND uid = %(uid)s;

-- name: is_kept
SELECT version.seq
  FROM session
  JOIN version
    ON version.session = session.id
   AND version.seq = %(seq)s
 WHERE session.sid = %(session)s
   AND session.deleted_at IS NULL;
