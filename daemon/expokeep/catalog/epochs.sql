-- name: opened
SELECT session.sid AS session, session.fence, session.last_seq,
       epoch.number AS epoch, epoch.tip_seq, epoch.tip_pack, epoch.base_seq,
       session.head_seq, head.epoch AS head_epoch,
       session.owner, session.project_name,
       session.root_uid, session.root_gid, session.root_mode,
       epoch.host, session.host AS holder, holder.name AS holder_name,
       (session.host = epoch.host OR holder.lease_until > clock_timestamp())
       AS holder_is_alive,
       session.host IS DISTINCT FROM epoch.host
       AND EXISTS (SELECT
                     FROM version
                    WHERE version.session = session.id
                      AND version.epoch = epoch.number
                      AND version.parked IS NULL) AS was_ours
  FROM session
  JOIN epoch
    ON epoch.session = session.id
   AND epoch.host = %(host)s
   AND epoch.device = %(device)s
   AND epoch.inode = %(inode)s
   AND epoch.birth_ns = %(birth_ns)s
  LEFT JOIN host AS holder ON holder.id = session.host
  LEFT JOIN version AS head
    ON head.session = session.id
   AND head.seq = session.head_seq
 WHERE session.sid = %(session)s;

-- name: begin
-- Under the lock of the session, so that no number is given twice.
INSERT INTO epoch (session, number, host, device, inode, birth_ns)
SELECT session.id,
       coalesce((SELECT max(number)
                   FROM epoch
                  WHERE epoch.session = session.id), 0) + 1,
       %(host)s, %(device)s, %(inode)s, %(birth_ns)s
  FROM session
 WHERE session.sid = %(session)s
ON CONFLICT (session, host, device, inode, birth_ns) DO NOTHING;

-- name: forsake
-- Those that are of no directory; a directory that came meanwhile goes on.
DELETE FROM epoch
 USING session
 WHERE session.sid = %(session)s
   AND epoch.session = session.id
   AND epoch.inode = 0
   AND epoch.tip_seq IS NULL;

-- name: found_on
-- A chain that has begun keeps the parent that it began with.
UPDATE epoch
   SET base_seq = version.seq
  FROM session
  JOIN version
    ON version.session = session.id
   AND version.seq = %(seq)s
 WHERE session.sid = %(session)s
   AND epoch.session = session.id
   AND epoch.host = %(host)s
   AND epoch.device = %(device)s
   AND epoch.inode = %(inode)s
   AND epoch.birth_ns = %(birth_ns)s
   AND epoch.tip_seq IS NULL;

-- name: advance
UPDATE epoch
   SET tip_seq = %(seq)s,
       tip_pack = %(pack)s
  FROM session
 WHERE session.sid = %(session)s
   AND epoch.session = session.id
   AND epoch.number = %(epoch)s
   AND epoch.tip_pack IS NOT DISTINCT FROM %(parent_pack)s;
