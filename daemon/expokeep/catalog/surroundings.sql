-- name: around
SELECT (SELECT count(*)
          FROM version
         WHERE version.session = session.id
           AND version.seq > %(seq)s
           AND version.parked IS NOT NULL)::integer AS parked_newer,
       (SELECT epoch.ended_at
          FROM epoch
         WHERE epoch.session = session.id
           AND epoch.number = %(epoch)s
           AND NOT EXISTS (SELECT
                             FROM version
                            WHERE version.session = epoch.session
                              AND version.epoch = epoch.number
                              AND version.seq > %(seq)s
                              AND version.parked IS NULL)) AS ended_at
  FROM session
 WHERE session.sid = %(session)s;

-- name: ends
SELECT max(version.seq) AS seq, epoch.ended_at
  FROM session
  JOIN epoch
    ON epoch.session = session.id
   AND epoch.ended_at IS NOT NULL
  JOIN version
    ON version.session = epoch.session
   AND version.epoch = epoch.number
   AND version.parked IS NULL
 WHERE session.sid = %(session)s
 GROUP BY epoch.number, epoch.ended_at
 ORDER BY seq;

-- name: held_elsewhere
SELECT unrecorded.sid AS session, host.name AS host, unrecorded.entries,
       unrecorded.since, host.lease_until > clock_timestamp() AS is_alive
  FROM unrecorded
  JOIN host ON host.id = unrecorded.host
 WHERE unrecorded.sid = ANY (%(sessions)s)
   AND unrecorded.host <> %(host)s
 ORDER BY unrecorded.since, host.name;

-- name: clear_held
DELETE FROM unrecorded
 WHERE host = %(host)s
   AND sid <> ALL (%(sessions)s::text[]);

-- name: tell_held
INSERT INTO unrecorded (host, sid, entries, since)
SELECT %(host)s, told.sid, told.entries, told.since
  FROM unnest(%(sessions)s::text[], %(entries)s::integer[], %(since)s::timestamptz[])
       AS told (sid, entries, since)
 ORDER BY told.sid
ON CONFLICT (sid, host) DO UPDATE
   SET entries = excluded.entries,
       since = excluded.since;

-- name: end_life
-- An inode number comes back, perhaps at once: the life that ended is the newest that
-- had begun by then. How long ago that was is told, because clocks of hosts differ.
UPDATE epoch
   SET ended_at = clock_timestamp() - %(ago)s::interval
  FROM session
 WHERE session.sid = %(session)s
   AND epoch.session = session.id
   AND epoch.host = %(host)s
   AND epoch.device = %(device)s
   AND epoch.inode = %(inode)s
   AND epoch.ended_at IS NULL
   AND epoch.number = (SELECT max(other.number)
                         FROM epoch AS other
                        WHERE other.session = session.id
                          AND other.host = %(host)s
                          AND other.device = %(device)s
                          AND other.inode = %(inode)s
                          AND other.started_at <= clock_timestamp() - %(ago)s::interval);
