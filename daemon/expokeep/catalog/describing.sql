-- name: describe
INSERT INTO project_file (digest, body)
SELECT wish.digest, wish.body::jsonb
  FROM unnest(%(digests)b::bytea[], %(bodies)s::text[]) AS wish (digest, body)
 WHERE NOT EXISTS (SELECT
                     FROM project_file AS known
                    WHERE known.digest = wish.digest)
ON CONFLICT (digest) DO NOTHING;

-- name: undescribed
SELECT DISTINCT blob.digest
  FROM session
  JOIN version AS head
    ON head.session = session.id
   AND head.seq = session.head_seq
 CROSS JOIN (VALUES ('app.json'::bytea), ('package.json')) AS wish (name)
  JOIN path
    ON path.session = session.id
   AND sha256(path.name) = sha256(wish.name)
  JOIN file_version AS entry
    ON entry.path = path.id
   AND entry.epoch = head.epoch
   AND entry.valid_from <= head.seq
   AND (entry.valid_to IS NULL OR entry.valid_to > head.seq)
  JOIN blob ON blob.id = entry.blob
 WHERE session.deleted_at IS NULL
   AND blob.size_bytes <= %(most_bytes)s
   AND NOT blob.is_doubted
   AND NOT EXISTS (SELECT
                     FROM project_file
                    WHERE project_file.digest = blob.digest)
 LIMIT %(limit)s;

-- name: mark
INSERT INTO legacy_mark (sid, why)
SELECT DISTINCT session.sid, 'what it says of itself was read'
  FROM scope
  JOIN blob
    ON blob.scope = scope.id
   AND blob.digest = ANY (%(digests)b::bytea[])
  JOIN file_version AS entry ON entry.blob = blob.id
  JOIN session ON session.id = entry.session
 WHERE session.head_seq IS NOT NULL
   AND session.deleted_at IS NULL;

-- name: forget
-- Through the scopes: only with one of them is a digest found by an index.
DELETE FROM project_file
 WHERE NOT EXISTS (SELECT
                     FROM scope
                     JOIN blob
                       ON blob.scope = scope.id
                      AND blob.digest = project_file.digest);
