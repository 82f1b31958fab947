-- name: some
-- In an order that each seed makes anew. All versions are looked at: a drill is rare.
SELECT session.sid AS session, version.seq, version.epoch,
       version.parent_seq AS parent, version.taken_at, version.trigger, version.tree,
       version.file_count, version.size_bytes, version.message, version.author,
       version.parked, version.pack
  FROM scope
  JOIN session ON session.scope = scope.id
  JOIN version ON version.session = session.id
 WHERE scope.name = %(scope)s
   AND session.deleted_at IS NULL
   AND version.size_bytes <= %(at_most_bytes)s
   AND (version.parked IS NULL OR version.parked NOT LIKE '%%damaged: %%')
 ORDER BY md5(session.sid || '@' || version.seq || %(seed)s::text)
 LIMIT %(count)s;
