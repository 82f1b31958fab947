-- name: standing
-- All that a commit has to look at before it may write.
SELECT session.last_seq, session.fence, session.head_seq,
       head.epoch AS head_epoch, host.name AS host,
       epoch.number IS NOT NULL AS epoch_exists,
       epoch.tip_seq, epoch.tip_pack, epoch.base_seq,
       tip.taken_at AS tip_taken_at, clock_timestamp() AS now,
       EXISTS (SELECT
                 FROM version
                WHERE version.pack = %(own_pack)s) AS is_done,
       ARRAY(SELECT pack.state
               FROM pack
              WHERE pack.id = ANY (%(packs)b::uuid[])) AS pack_states,
       session.owner, session.deleted_at IS NOT NULL AS is_deleted,
       session.expired AS has_expired, coalesce(head.size_bytes, 0) AS head_bytes,
       EXISTS (SELECT
                 FROM quota
                WHERE quota.owner = session.owner
                  AND quota.max_bytes IS NOT NULL) AS is_metered
  FROM session
  LEFT JOIN epoch
    ON epoch.session = session.id
   AND epoch.number = %(epoch)s
  LEFT JOIN version AS tip
    ON tip.session = session.id
   AND tip.seq = epoch.tip_seq
  LEFT JOIN version AS head
    ON head.session = session.id
   AND head.seq = session.head_seq
  LEFT JOIN host ON host.id = session.host
 WHERE session.sid = %(session)s;

-- name: of_pack
SELECT session.sid AS session, version.seq, version.epoch,
       version.parent_seq AS parent, version.taken_at, version.trigger, version.tree,
       version.file_count, version.size_bytes, version.message, version.author,
       version.parked, version.pack, version.origin_session, version.origin_seq
  FROM version
  JOIN session ON session.id = version.session
 WHERE version.pack = %(pack)s;

-- name: record
INSERT INTO version (session, seq, epoch, parent_seq, pack, taken_at, trigger, tree,
                     file_count, size_bytes, message, author, parked, origin_session,
                     origin_seq)
SELECT session.id, %(seq)s, %(epoch)s, %(parent)s, %(pack)s, %(taken_at)s, %(trigger)s,
       %(tree)s, %(file_count)s, %(size_bytes)s, %(message)s, %(author)s, %(parked)s,
       %(origin_session)s, %(origin_seq)s
  FROM session
 WHERE session.sid = %(session)s;

-- name: pin
UPDATE version
   SET pinned = true
  FROM session
 WHERE session.sid = %(session)s
   AND version.session = session.id
   AND version.seq = %(seq)s;

-- name: accept
UPDATE version
   SET parked = NULL
  FROM session
 WHERE session.sid = %(session)s
   AND version.session = session.id
   AND version.seq = %(seq)s;

-- name: retract
UPDATE version
   SET parked = %(reason)s
  FROM session
 WHERE session.sid = %(session)s
   AND version.session = session.id
   AND version.pack = ANY (%(packs)s::uuid[])
   AND version.parked IS NULL;

-- name: head
SELECT session.sid AS session, version.seq, version.epoch,
       version.parent_seq AS parent, version.taken_at, version.trigger, version.tree,
       version.file_count, version.size_bytes, version.message, version.author,
       version.parked, version.pack, version.origin_session, version.origin_seq
  FROM session
  JOIN version
    ON version.session = session.id
   AND version.seq = session.head_seq
 WHERE session.sid = %(session)s;

-- name: numbered
SELECT session.sid AS session, version.seq, version.epoch,
       version.parent_seq AS parent, version.taken_at, version.trigger, version.tree,
       version.file_count, version.size_bytes, version.message, version.author,
       version.parked, version.pack, version.origin_session, version.origin_seq
  FROM session
  JOIN version
    ON version.session = session.id
   AND version.seq = %(seq)s
 WHERE session.sid = %(session)s;

-- name: good
-- The head, unless it was parked since it became head. What came after the head and was
-- not parked is meant only then: somebody has chosen the head instead.
SELECT session.sid AS session, version.seq, version.epoch,
       version.parent_seq AS parent, version.taken_at, version.trigger, version.tree,
       version.file_count, version.size_bytes, version.message, version.author,
       version.parked, version.pack, version.origin_session, version.origin_seq
  FROM session
  JOIN version
    ON version.session = session.id
   AND version.parked IS NULL
 WHERE session.sid = %(session)s
 ORDER BY version.seq = session.head_seq DESC NULLS LAST, version.seq DESC
 LIMIT 1;

-- name: labelled
SELECT session.sid AS session, version.seq, version.epoch,
       version.parent_seq AS parent, version.taken_at, version.trigger, version.tree,
       version.file_count, version.size_bytes, version.message, version.author,
       version.parked, version.pack, version.origin_session, version.origin_seq
  FROM session
  JOIN label
    ON label.session = session.id
   AND label.name = %(label)s
  JOIN version
    ON version.session = session.id
   AND version.seq = label.seq
 WHERE session.sid = %(session)s;

-- name: packed
SELECT session.sid AS session, version.seq, version.epoch,
       version.parent_seq AS parent, version.taken_at, version.trigger, version.tree,
       version.file_count, version.size_bytes, version.message, version.author,
       version.parked, version.pack, version.origin_session, version.origin_seq
  FROM session
  JOIN version
    ON version.session = session.id
   AND version.pack = %(pack)s
 WHERE session.sid = %(session)s;

-- name: before_head
WITH RECURSIVE chain AS (
    SELECT version.*, 0 AS distance
      FROM session
      JOIN version
        ON version.session = session.id
       AND version.seq = session.head_seq
     WHERE session.sid = %(session)s
     UNION ALL
    SELECT version.*, chain.distance + 1
      FROM chain
      JOIN version
        ON version.session = chain.session
       AND version.seq = chain.parent_seq
     WHERE chain.distance < %(back)s
)
SELECT session.sid AS session, chain.seq, chain.epoch, chain.parent_seq AS parent,
       chain.taken_at, chain.trigger, chain.tree, chain.file_count, chain.size_bytes,
       chain.message, chain.author, chain.parked, chain.pack, chain.origin_session,
       chain.origin_seq
  FROM chain
  JOIN session ON session.id = chain.session
 WHERE chain.distance = %(back)s;

-- name: taken_by
-- What was parked was not what a person saw: it is meant only if nothing else is.
SELECT session.sid AS session, version.seq, version.epoch,
       version.parent_seq AS parent, version.taken_at, version.trigger, version.tree,
       version.file_count, version.size_bytes, version.message, version.author,
       version.parked, version.pack, version.origin_session, version.origin_seq
  FROM session
  JOIN version
    ON version.session = session.id
   AND version.taken_at <= coalesce(%(at)s::timestamptz,
                                    clock_timestamp() - %(age)s::interval)
 WHERE session.sid = %(session)s
 ORDER BY version.parked IS NULL DESC, version.taken_at DESC, version.seq DESC
 LIMIT 1;

-- name: newest
SELECT session.sid AS session, version.seq, version.epoch,
       version.parent_seq AS parent, version.taken_at, version.trigger, version.tree,
       version.file_count, version.size_bytes, version.message, version.author,
       version.parked, version.pack, version.origin_session, version.origin_seq
  FROM session
  JOIN version
    ON version.session = session.id
   AND version.taken_at >= coalesce(%(since)s, '-infinity'::timestamptz)
 WHERE session.sid = %(session)s
 ORDER BY version.seq DESC
 LIMIT %(limit)s;
