-- Care of what is kept: labels, forgetting, proofs, and facts that no pack can hold.
--
-- A daemon of schema 1 still works on this one: nothing that it writes needs more.

-- Who intends a pack: what a host left behind is adopted when its lease is over.
ALTER TABLE pack ADD COLUMN host uuid REFERENCES host;

-- The pack whose manifest tells a version. NULL: its own, `pack`. A merge tells the
-- versions of the packs that it replaces, and their ids stay what commits are known by.
ALTER TABLE version ADD COLUMN told_by uuid;

CREATE INDEX version_by_teller ON version (told_by) WHERE told_by IS NOT NULL;

-- When a person pinned a version. NULL: it was pinned by a rule, because it was a head.
ALTER TABLE version ADD COLUMN pinned_at timestamptz;

-- Deleted because nobody came for long: the next capture brings it back.
ALTER TABLE session ADD COLUMN expired boolean NOT NULL DEFAULT false;

CREATE INDEX session_deleted ON session (deleted_at) WHERE deleted_at IS NOT NULL;

-- Which part of an epoch's chain the manifest of a pack tells. A base and a merge begin
-- with a full listing; everything else says only what changed, so a pack whose versions
-- are all forgotten may still be needed to tell the ones after it.
ALTER TABLE pack ADD COLUMN tells_epoch integer;
ALTER TABLE pack ADD COLUMN tells_from integer;
ALTER TABLE pack ADD COLUMN tells_to integer;

UPDATE pack
   SET tells_epoch = version.epoch,
       tells_from = version.seq,
       tells_to = version.seq
  FROM version
 WHERE version.pack = pack.id;

CREATE INDEX pack_by_chain ON pack (session, tells_epoch, tells_from)
 WHERE tells_epoch IS NOT NULL;

-- A check found it missing or damaged. Nobody may count on it any more, and whoever has
-- the contents stores them again: then it is where they put it, for all versions.
ALTER TABLE blob ADD COLUMN is_doubted boolean NOT NULL DEFAULT false;

CREATE INDEX blob_doubted ON blob (scope, digest) WHERE is_doubted;

CREATE TABLE label (
    session     bigint NOT NULL,
    name        text COLLATE "C" NOT NULL CHECK (name ~ '^[^[:cntrl:]@/]{1,100}$'),
    seq         integer NOT NULL,
    labelled_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (session, name),
    FOREIGN KEY (session, seq) REFERENCES version (session, seq)
);

CREATE INDEX label_by_version ON label (session, seq);

-- What hosts hold on their own disks and could not record yet, as their heartbeats say.
-- Keyed by the session's name: it may be that nothing of it was ever recorded.
CREATE TABLE unrecorded (
    host    uuid NOT NULL REFERENCES host,
    sid     text COLLATE "C" NOT NULL,
    entries integer NOT NULL CHECK (entries >= 0),
    since   timestamptz NOT NULL,
    PRIMARY KEY (sid, host)
);

-- Each run that deletes objects takes the next number, here and in the bucket. When the
-- bucket knows a higher one, this database is an old backup, and nothing is deleted.
-- `facts_at` is the time of the newest fact that is in the bucket: a clock that jumps back
-- must not make later facts look older.
CREATE TABLE generation (
    only_one boolean PRIMARY KEY DEFAULT true CHECK (only_one),
    number   bigint NOT NULL DEFAULT 0 CHECK (number >= 0),
    facts_at timestamptz NOT NULL DEFAULT 'epoch'
);

INSERT INTO generation DEFAULT VALUES;

-- When maintenance was last done, by whichever daemon: the others need not do it again.
CREATE TABLE chore (
    name    text COLLATE "C" PRIMARY KEY,
    done_at timestamptz NOT NULL DEFAULT now()
);

-- What checks and drills found, newest last.
CREATE TABLE proof (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind       text NOT NULL CHECK (kind IN ('check', 'drill')),
    host       uuid REFERENCES host,
    started_at timestamptz NOT NULL,
    ended_at   timestamptz,
    is_well    boolean,
    body       jsonb NOT NULL DEFAULT '{}'
);

CREATE INDEX proof_by_kind ON proof (kind, id DESC);

-- A trigger, so that whoever writes a version cannot forget it, a daemon of schema 1 or
-- a rebuild included.
CREATE FUNCTION note_teller() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    UPDATE pack
       SET tells_epoch = NEW.epoch,
           tells_from = least(pack.tells_from, NEW.seq),
           tells_to = greatest(pack.tells_to, NEW.seq)
     WHERE pack.id = coalesce(NEW.told_by, NEW.pack);
    RETURN NULL;
END
$$;

CREATE TRIGGER version_told
AFTER INSERT OR UPDATE OF told_by
   ON version FOR EACH ROW EXECUTE FUNCTION note_teller();

-- The one rule about what may go. A pack is needed while one of its contents is named by
-- an entry, or counted on by an intent; while its manifest tells a version; or while it
-- lies between a full listing and a version that is told by what changed since. Of two
-- full ones only the later takes the other's place, so that never both go.
CREATE FUNCTION is_needed(wanted uuid) RETURNS boolean
LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT
                     FROM blob
                     JOIN file_version ON file_version.blob = blob.id
                    WHERE blob.pack = wanted)
        OR EXISTS (SELECT
                     FROM blob
                    WHERE blob.pack = wanted
                      AND blob.digest IN (SELECT unnest(pack.reuses)
                                            FROM pack
                                           WHERE pack.state = 'uploading'))
        OR EXISTS (SELECT
                     FROM version
                    WHERE version.told_by = wanted)
        OR EXISTS (SELECT
                     FROM version
                    WHERE version.pack = wanted
                      AND version.told_by IS NULL)
        OR EXISTS (
            SELECT
              FROM pack AS teller
             CROSS JOIN LATERAL (SELECT min(version.seq) AS seq
                                   FROM version
                                  WHERE version.session = teller.session
                                    AND version.epoch = teller.tells_epoch
                                    AND version.seq > teller.tells_to) AS next
             WHERE teller.id = wanted
               AND next.seq IS NOT NULL
               AND NOT EXISTS (SELECT
                                 FROM pack AS whole
                                WHERE whole.session = teller.session
                                  AND whole.tells_epoch = teller.tells_epoch
                                  AND whole.state = 'live'
                                  AND whole.kind IN ('base', 'merge')
                                  AND (whole.tells_to, whole.id)
                                      > (teller.tells_to, teller.id)
                                  AND whole.tells_from <= next.seq))
$$;

-- Facts: rows as they became, in order, until the daemon has written them into the
-- bucket as immutable objects. A rebuild reads them there: the last word on a row counts.
-- Triggers, so that no way of changing these rows can forget it.
CREATE TABLE fact (
    id   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    kind text NOT NULL CHECK (kind IN ('session', 'epoch', 'version', 'label')),
    sid  text COLLATE "C" NOT NULL,
    gone boolean NOT NULL,
    body jsonb NOT NULL
);

-- A function of ours finds tables by the search_path of its caller, which is our schema.
CREATE FUNCTION note_fact() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
    subject   jsonb := to_jsonb(CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END);
    session_id bigint;
    name      text;
BEGIN
    IF current_setting('expokeep.replaying', true) = 'on' THEN
        RETURN NULL;
    END IF;
    IF TG_TABLE_NAME = 'session' THEN
        name := subject ->> 'sid';
    ELSE
        session_id := (subject ->> 'session')::bigint;
        SELECT sid INTO name FROM session WHERE id = session_id;
    END IF;
    IF name IS NOT NULL THEN
        INSERT INTO fact (kind, sid, gone, body)
        VALUES (TG_TABLE_NAME, name, TG_OP = 'DELETE', subject);
    END IF;
    RETURN NULL;
END
$$;

-- Not the moment of the last access: it changes often, and a rebuild may begin it anew.
CREATE TRIGGER session_noted
AFTER INSERT OR DELETE
   OR UPDATE OF owner, project_name, root_uid, root_gid, root_mode, last_seq, head_seq,
                deleted_at, expired
   ON session FOR EACH ROW EXECUTE FUNCTION note_fact();

CREATE TRIGGER epoch_noted
AFTER INSERT OR DELETE OR UPDATE OF base_seq, ended_at
   ON epoch FOR EACH ROW EXECUTE FUNCTION note_fact();

CREATE TRIGGER version_noted
AFTER INSERT OR DELETE OR UPDATE OF parked, pinned, pinned_at, message, told_by, parent_seq
   ON version FOR EACH ROW EXECUTE FUNCTION note_fact();

CREATE TRIGGER label_noted
AFTER INSERT OR DELETE OR UPDATE
   ON label FOR EACH ROW EXECUTE FUNCTION note_fact();

-- Rows from before there were facts.
INSERT INTO fact (kind, sid, gone, body)
SELECT 'session', sid, false, to_jsonb(session)
  FROM session
 ORDER BY id;

INSERT INTO fact (kind, sid, gone, body)
SELECT 'epoch', session.sid, false, to_jsonb(epoch)
  FROM epoch
  JOIN session ON session.id = epoch.session
 ORDER BY session.id, epoch.number;

INSERT INTO fact (kind, sid, gone, body)
SELECT 'version', session.sid, false, to_jsonb(version)
  FROM version
  JOIN session ON session.id = version.session
 ORDER BY session.id, version.seq;

-- A row while the catalog is rebuilt from the bucket. Until that has ended nobody may
-- begin a session or a life of one: it would take numbers that others had.
CREATE TABLE rebuild (
    only_one   boolean PRIMARY KEY DEFAULT true CHECK (only_one),
    started_at timestamptz NOT NULL DEFAULT now()
);

CREATE FUNCTION refuse_while_rebuilding() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM rebuild)
       AND current_setting('expokeep.rebuilding', true) IS DISTINCT FROM 'on' THEN
        RAISE EXCEPTION 'the catalog is being rebuilt from the bucket'
              USING ERRCODE = 'lock_not_available';
    END IF;
    RETURN NEW;
END
$$;

CREATE TRIGGER session_waits
BEFORE INSERT ON session FOR EACH ROW EXECUTE FUNCTION refuse_while_rebuilding();

CREATE TRIGGER epoch_waits
BEFORE INSERT ON epoch FOR EACH ROW EXECUTE FUNCTION refuse_while_rebuilding();
