-- name: number
SELECT number
  FROM generation;

-- name: is_rebuilding
SELECT EXISTS (SELECT FROM rebuild);

-- name: advance
UPDATE generation
   SET number = number + 1
RETURNING number;
