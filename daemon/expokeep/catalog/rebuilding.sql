-- name: begin
-- Only where nothing is kept, or what is kept is of a rebuild that has not ended.
WITH empty AS (
    INSERT INTO rebuild (only_one)
    SELECT true
     WHERE NOT EXISTS (SELECT FROM session)
    ON CONFLICT DO NOTHING
    RETURNING 1
)
SELECT EXISTS (SELECT FROM empty) OR EXISTS (SELECT FROM rebuild);

-- name: exclusive
LOCK TABLE session IN SHARE ROW EXCLUSIVE MODE;

-- name: under_way
SELECT EXISTS (SELECT FROM rebuild);

-- name: end
DELETE FROM rebuild;

-- name: caught_up
UPDATE generation
   SET number = greatest(number, %(number)s),
       facts_at = greatest(facts_at, %(facts_at)s);

-- name: allow
-- For this transaction: the numbers that a session had are given by nobody else.
SELECT set_config('expokeep.rebuilding', 'on', true);

-- name: silence
-- What a fact has said already is not noted once more.
SELECT set_config('expokeep.replaying', %(silent)s, true);

-- name: settled
-- Keys of packs of which nothing is to be read any more.
SELECT pack.key
  FROM pack
  JOIN session ON session.id = pack.session
 WHERE pack.state <> 'uploading'
    OR EXISTS (SELECT
                 FROM host
                WHERE host.id = coalesce(pack.host, session.host)
                  AND host.lease_until > clock_timestamp());

-- name: abandoned
-- Intents of hosts that were not heard of for a while: perhaps their objects are there.
SELECT session.sid AS session, pack.id, pack.key, pack.kind, pack.level, pack.size_bytes
  FROM pack
  JOIN session ON session.id = pack.session
 WHERE pack.state = 'uploading'
   AND pack.kind <> 'merge'
   AND NOT EXISTS (SELECT
                     FROM host
                    WHERE host.id = coalesce(pack.host, session.host)
                      AND host.lease_until
                          > clock_timestamp() - %(silent_s)s * interval '1 second')
 ORDER BY session.sid, pack.id;

-- name: facts_at
SELECT facts_at
  FROM generation;

-- name: expect
INSERT INTO session (sid, scope, root_uid, root_gid, root_mode)
SELECT %(session)s, scope.id, %(uid)s, %(uid)s, 448
  FROM scope
 WHERE scope.name = %(scope)s
ON CONFLICT (sid) DO NOTHING;

-- name: add_packs
-- As intents, until their session has its versions: whoever is killed in between reads
-- them once more.
INSERT INTO pack (id, scope, session, key, kind, level, size_bytes, state, host)
SELECT wish.id, session.scope, session.id, wish.key, wish.kind, wish.level,
       wish.size_bytes, 'uploading', %(host)s
  FROM session
 CROSS JOIN unnest(%(ids)s::uuid[], %(keys)s::text[], %(kinds)s::text[],
                   %(levels)s::smallint[], %(sizes_bytes)b::bigint[])
       AS wish (id, key, kind, level, size_bytes)
 WHERE session.sid = %(session)s
ON CONFLICT (id) DO NOTHING;

-- name: publish
UPDATE pack
   SET state = 'live',
       state_at = now(),
       reuses = '{}'
 WHERE id = ANY (%(ids)s::uuid[])
   AND state = 'uploading';

-- name: numbers
SELECT last_seq, head_seq
  FROM session
 WHERE sid = %(session)s;

-- name: versions
SELECT version.pack, version.seq, version.epoch, version.tree, version.taken_at
  FROM session
  JOIN version ON version.session = session.id
 WHERE session.sid = %(session)s
 ORDER BY version.seq;

-- name: epochs
SELECT epoch.number, epoch.host, epoch.device, epoch.inode, epoch.birth_ns,
       epoch.tip_pack, epoch.base_seq
  FROM session
  JOIN epoch ON epoch.session = session.id
 WHERE session.sid = %(session)s;
