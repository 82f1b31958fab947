-- name: waiting
SELECT count(*)::integer,
       coalesce(extract(epoch FROM clock_timestamp() - min(at)), 0)::double precision
  FROM (SELECT at FROM fact ORDER BY id LIMIT %(limit)s) AS first;

-- name: first
SELECT fact.id, fact.at, fact.kind, fact.sid, fact.gone, fact.body::text,
       generation.facts_at
  FROM fact
 CROSS JOIN generation
 ORDER BY fact.id
 LIMIT %(limit)s;

-- name: drop
-- By their ids and not by a range: a transaction that began earlier may commit later,
-- and its facts have lower ids than some that are written already.
WITH dropped AS (
    DELETE FROM fact
     WHERE id = ANY (%(ids)b::bigint[])
)
UPDATE generation
   SET facts_at = greatest(facts_at, %(until)s);
