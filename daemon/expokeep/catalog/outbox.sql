-- name: register
INSERT INTO webhook (id, place, kinds, host)
VALUES (%(id)s, %(place)s, %(kinds)s, %(host)s)
    ON CONFLICT (id) DO UPDATE
   SET place = excluded.place,
       kinds = excluded.kinds,
       host = excluded.host,
       seen_at = now();

-- name: withdraw
-- Only what this host said itself, and says no more: another host may still mean it, and
-- says so again.
DELETE FROM webhook
 WHERE host = %(host)s
   AND id <> ALL (%(ids)s);

-- name: claim
WITH due AS (
    SELECT id
      FROM delivery
     WHERE webhook = %(webhook)s
       AND NOT is_dead
       AND next_at <= clock_timestamp()
       AND (claimed_until IS NULL OR claimed_until < clock_timestamp())
     ORDER BY next_at
     LIMIT %(limit)s
       FOR UPDATE SKIP LOCKED
)
UPDATE delivery
   SET tries = tries + 1,
       claimed_until = clock_timestamp() + %(hold_s)s * interval '1 second'
  FROM due
 WHERE delivery.id = due.id
RETURNING delivery.id, delivery.event, delivery.kind, delivery.sid AS session,
          delivery.at, delivery.body, delivery.tries,
          extract(epoch FROM clock_timestamp() - delivery.at)::float8 AS age_s;

-- name: delivered
DELETE FROM delivery
 WHERE id = %(id)s;

-- name: failed
UPDATE delivery
   SET error = %(error)s,
       is_dead = %(is_dead)s,
       claimed_until = NULL,
       next_at = clock_timestamp() + %(again_in_s)s * interval '1 second'
 WHERE id = %(id)s;

-- name: due_in_s
SELECT extract(epoch FROM min(greatest(next_at, claimed_until)) - clock_timestamp())
       ::float8
  FROM delivery
 WHERE webhook = %(webhook)s
   AND NOT is_dead;

-- name: revive
UPDATE delivery
   SET is_dead = false,
       at = clock_timestamp(),
       next_at = clock_timestamp(),
       error = NULL
 WHERE is_dead
   AND (%(webhook)s::text IS NULL OR webhook = %(webhook)s);

-- name: prune
DELETE FROM delivery
 WHERE is_dead
   AND next_at < clock_timestamp() - %(days)s * interval '1 day';

-- name: standing
SELECT webhook.id, webhook.place, webhook.kinds,
       count(delivery.id) FILTER (WHERE NOT delivery.is_dead) AS waiting,
       count(delivery.id) FILTER (WHERE delivery.is_dead) AS dead,
       min(delivery.at) AS oldest_at,
       (array_agg(delivery.error ORDER BY delivery.id DESC)
        FILTER (WHERE delivery.error IS NOT NULL))[1] AS error
  FROM webhook
  LEFT JOIN delivery ON delivery.webhook = webhook.id
 GROUP BY webhook.id
 ORDER BY webhook.place, webhook.id;
