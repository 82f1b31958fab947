-- The app's tables: "BuildSession" and "BuildFile", in the schema that the app's Prisma
-- uses. They are a projection of what is kept here, and go with it in one transaction.
--
-- Whatever the app does to them, a version is kept: what cannot be written to them is
-- marked, and mended later.

-- What all daemons are to do, as the settings of one of them say; and what was found.
CREATE TABLE legacy (
    only_one       boolean PRIMARY KEY DEFAULT true CHECK (only_one),
    app_schema     text NOT NULL DEFAULT 'public',
    retention_days integer NOT NULL DEFAULT 30,
    storage_base   text NOT NULL DEFAULT '',
    shows_tokens   boolean NOT NULL DEFAULT false,
    is_attached    boolean NOT NULL DEFAULT false,
    has_triggers   boolean NOT NULL DEFAULT false,
    found          oid,
    refusals_told  bigint NOT NULL DEFAULT 0,
    refused_at     timestamptz,
    refused        text
);

INSERT INTO legacy DEFAULT VALUES;

-- What we wrote for a session, and what the app said of it: the base of a comparison
-- that tells who has changed what, and what comes back with a row that was deleted.
CREATE TABLE legacy_row (
    session     bigint PRIMARY KEY REFERENCES session ON DELETE CASCADE,
    is_there    boolean NOT NULL,
    epoch       integer,
    seq         integer,
    owner       text,
    row_id      text,
    created_at  timestamp(3),
    description text,
    expo_url    text,
    names       jsonb NOT NULL DEFAULT '[]',
    files       integer,
    shared_until timestamptz,
    done_in     xid8
);

CREATE INDEX legacy_row_shared ON legacy_row (shared_until)
 WHERE shared_until IS NOT NULL;

-- Rows to look at. Only ever appended to, so that nobody waits for anybody: not the app
-- for a commit, nor a commit for the app.
CREATE TABLE legacy_mark (
    id  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    sid text COLLATE "C" NOT NULL,
    why text NOT NULL,
    -- Our own writing failed, and not: the app has written.
    is_behind boolean NOT NULL DEFAULT false,
    at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    by  xid8 NOT NULL DEFAULT pg_current_xact_id()
);

CREATE INDEX legacy_mark_by_sid ON legacy_mark (sid);

-- Counts what was refused: a sequence keeps what it counted when the rest is undone.
CREATE SEQUENCE legacy_refusal;

-- What an app.json or a package.json says, by what it is: whichever version has it, in
-- whichever session. It can be had again from the bucket.
CREATE TABLE project_file (
    digest bytea PRIMARY KEY CHECK (octet_length(digest) = 32),
    body   jsonb NOT NULL
);

-- What of a chain ended in which version: the other half of a delta.
CREATE INDEX file_version_ended ON file_version (session, epoch, valid_to)
 WHERE valid_to IS NOT NULL;

-- As `cuid()` makes them: nothing in the database makes one for us.
CREATE FUNCTION legacy_id() RETURNS text
LANGUAGE sql VOLATILE AS $$
    SELECT 'c' || left(translate(gen_random_uuid()::text, '-', ''), 24)
$$;

-- A name as text: what is not UTF-8 is \xNN, a backslash is doubled.
CREATE FUNCTION legacy_text(name bytea) RETURNS text
LANGUAGE plpgsql IMMUTABLE STRICT AS $$
DECLARE
    told text := '';
    place integer := 1;
    width integer;
BEGIN
    BEGIN
        RETURN replace(convert_from(name, 'UTF8'), '\', '\\');
    EXCEPTION WHEN character_not_in_repertoire OR untranslatable_character THEN
        NULL;
    END;
    WHILE place <= octet_length(name) LOOP
        width := CASE WHEN get_byte(name, place - 1) < 194 THEN 1
                      WHEN get_byte(name, place - 1) < 224 THEN 2
                      WHEN get_byte(name, place - 1) < 240 THEN 3
                      ELSE 4 END;
        BEGIN
            told := told || replace(
                convert_from(substr(name, place, width), 'UTF8'), '\', '\\');
            place := place + width;
        EXCEPTION WHEN character_not_in_repertoire OR untranslatable_character THEN
            told := told || '\x' || lpad(to_hex(get_byte(name, place - 1)), 2, '0');
            place := place + 1;
        END;
    END LOOP;
    RETURN told;
END
$$;

-- A moment as Prisma writes it: UTC, in milliseconds, never one that is still to come.
CREATE FUNCTION legacy_time(moment timestamptz) RETURNS timestamp(3)
LANGUAGE sql IMMUTABLE AS $$
    SELECT date_trunc('milliseconds', moment AT TIME ZONE 'UTC')
$$;

-- Tokens of shares in the clear, where the settings want the app to have them.
-- Elsewhere nobody can read one here.
CREATE TABLE legacy_token (
    share   bigint PRIMARY KEY REFERENCES share ON DELETE CASCADE,
    session bigint NOT NULL REFERENCES session ON DELETE CASCADE,
    token   text NOT NULL UNIQUE
);

-- The shares by which somebody could still have a build, the newest first.
CREATE FUNCTION legacy_shares(wanted bigint, OUT token text, OUT expires_at timestamptz)
RETURNS SETOF record
LANGUAGE sql STABLE AS $$
    SELECT legacy_token.token, share.expires_at
      FROM share
      LEFT JOIN legacy_token ON legacy_token.share = share.id
     WHERE share.session = wanted
       AND share.revoked_at IS NULL
       AND share.expires_at > now()
       AND (share.max_uses IS NULL OR share.uses < share.max_uses)
     ORDER BY share.created_at DESC, share.id DESC
$$;

-- Whether no rule deletes a session, however long nobody comes for it.
CREATE FUNCTION legacy_stays(wanted bigint) RETURNS boolean
LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT
                     FROM version
                    WHERE version.session = wanted
                      AND version.pinned_at IS NOT NULL)
        OR EXISTS (SELECT FROM template WHERE template.session = wanted)
        OR EXISTS (SELECT FROM legacy_shares(wanted))
$$;

-- What an app.json or package.json of a version says.
CREATE FUNCTION legacy_said(wanted bigint, life integer, number integer, file bytea)
RETURNS jsonb
LANGUAGE sql STABLE AS $$
    SELECT project_file.body
      FROM path
      JOIN file_version AS entry
        ON entry.path = path.id
       AND entry.epoch = life
       AND entry.valid_from <= number
       AND (entry.valid_to IS NULL OR entry.valid_to > number)
      JOIN blob ON blob.id = entry.blob
      JOIN project_file ON project_file.digest = blob.digest
     WHERE path.session = wanted
       AND sha256(path.name) = sha256(file)
$$;

-- What the row of each session is to be, but for what the app says.
CREATE VIEW legacy_build AS
SELECT session.id AS session, session.sid, session.owner, head.epoch, head.seq,
       head.trigger,
       coalesce(nullif(btrim(session.project_name), ''),
                nullif(btrim(app.body #>> '{expo,name}'), ''),
                nullif(btrim(package.body ->> 'name'), ''),
                'My Expo App') AS project_name,
       legacy.storage_base || '/builds/' || session.sid || '/build.tar.gz'
           AS storage_url,
       head.file_count, head.size_bytes,
       jsonb_build_object(
           'dependencies', coalesce(package.body -> 'dependencies', '{}'),
           'expoConfig', coalesce(app.body -> 'expo', '{}'),
           'expokeep', jsonb_build_object('version', head.seq,
                                          'tree', encode(head.tree, 'hex')))
           AS metadata,
       shares.until IS NOT NULL AS is_shared,
       CASE WHEN legacy.shows_tokens THEN shares.token END AS share_token,
       shares.until AS shared_until,
       legacy_time(session.created_at) AS created_at,
       legacy_time(session.accessed_at) AS last_accessed,
       CASE WHEN legacy_stays(session.id) THEN timestamp '9999-12-31'
            ELSE legacy_time(
                     greatest(session.accessed_at, session.created_at,
                              newest.recorded_at)
                     + legacy.retention_days * interval '1 day') END AS expires_at
  FROM legacy
 CROSS JOIN session
  JOIN version AS head
    ON head.session = session.id
   AND head.seq = session.head_seq
 CROSS JOIN LATERAL (SELECT version.recorded_at
                       FROM version
                      WHERE version.session = session.id
                      ORDER BY version.seq DESC
                      LIMIT 1) AS newest
 CROSS JOIN LATERAL (SELECT max(share.expires_at) AS until,
                            (array_remove(array_agg(share.token), NULL))[1]
                                AS token
                       FROM legacy_shares(session.id) AS share) AS shares
 CROSS JOIN LATERAL legacy_said(session.id, head.epoch, head.seq, 'app.json')
         AS app (body)
 CROSS JOIN LATERAL legacy_said(session.id, head.epoch, head.seq, 'package.json')
         AS package (body)
 WHERE session.deleted_at IS NULL;

-- What "BuildFile" is to hold of a version: of some paths, or of all. The index of the
-- app cannot hold longer names.
CREATE FUNCTION legacy_files(
    kept legacy_build, moved bigint[], OUT name text, OUT hash text, OUT size integer)
RETURNS SETOF record
LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF moved IS NULL THEN
        RETURN QUERY
        SELECT legacy_text(path.name), encode(blob.digest, 'hex'),
               least(blob.size_bytes, 2147483647)::integer
          FROM file_version AS entry
          JOIN path ON path.id = entry.path
          JOIN blob ON blob.id = entry.blob
         WHERE entry.session = kept.session
           AND entry.epoch = kept.epoch
           AND entry.valid_from <= kept.seq
           AND (entry.valid_to IS NULL OR entry.valid_to > kept.seq)
           AND (octet_length(path.name) <= 600
                OR octet_length(legacy_text(path.name)) <= 2400);
    ELSE
        RETURN QUERY
        SELECT legacy_text(path.name), encode(blob.digest, 'hex'),
               least(blob.size_bytes, 2147483647)::integer
          FROM unnest(moved) AS wish (path)
          JOIN path ON path.id = wish.path
          JOIN file_version AS entry
            ON entry.path = wish.path
           AND entry.epoch = kept.epoch
           AND entry.valid_from <= kept.seq
           AND (entry.valid_to IS NULL OR entry.valid_to > kept.seq)
          JOIN blob ON blob.id = entry.blob
         WHERE octet_length(path.name) <= 600
            OR octet_length(legacy_text(path.name)) <= 2400;
    END IF;
END
$$;

-- Writes one session's files: what differs from what is there. Returns whether a name
-- has come or gone.
CREATE FUNCTION legacy_write_files(kept legacy_build, moved bigint[]) RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
    names  text[];
    hashes text[];
    sizes  integer[];
    gone   integer;
    is_new boolean;
BEGIN
    SELECT coalesce(array_agg(file.name), '{}'), array_agg(file.hash),
           array_agg(file.size)
      INTO names, hashes, sizes
      FROM legacy_files(kept, moved) AS file;
    IF moved IS NULL THEN
        DELETE FROM "BuildFile" AS file
         WHERE file."sessionId" = kept.sid
           AND NOT EXISTS (SELECT
                             FROM unnest(names) AS wish (name)
                            WHERE wish.name = file."filePath");
    ELSE
        DELETE FROM "BuildFile" AS file
         WHERE file."sessionId" = kept.sid
           AND file."filePath" IN (SELECT legacy_text(path.name)
                                     FROM path
                                    WHERE path.id = ANY (moved)
                                   EXCEPT
                                   SELECT unnest(names));
    END IF;
    GET DIAGNOSTICS gone = ROW_COUNT;
    WITH written AS (
        INSERT INTO "BuildFile" AS file
               (id, "sessionId", "filePath", "fileHash", "sizeBytes")
        SELECT legacy_id(), kept.sid, wish.name, wish.hash, wish.size
          FROM unnest(names, hashes, sizes) AS wish (name, hash, size)
         WHERE NOT EXISTS (SELECT
                             FROM "BuildFile" AS same
                            WHERE same."sessionId" = kept.sid
                              AND same."filePath" = wish.name
                              AND same."fileHash" = wish.hash
                              AND same."sizeBytes" = wish.size)
        ON CONFLICT ("sessionId", "filePath") DO UPDATE
           SET "fileHash" = excluded."fileHash",
               "sizeBytes" = excluded."sizeBytes"
        RETURNING xmax = 0 AS is_new
    )
    SELECT coalesce(bool_or(written.is_new), false) INTO is_new FROM written;
    RETURN gone > 0 OR is_new;
END
$$;

-- Takes a session out of the app's tables; what the app said of it is kept here.
CREATE FUNCTION legacy_hide(wanted session) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    WITH gone AS (
        DELETE FROM "BuildSession" AS build
         USING legacy
         WHERE build."sessionId" = wanted.sid
           AND (EXISTS (SELECT
                          FROM legacy_row
                         WHERE legacy_row.session = wanted.id
                           AND legacy_row.is_there)
                -- A row of ours that we do not know of: this catalog was made anew.
                OR (build."storageUrl"
                    = legacy.storage_base || '/builds/' || wanted.sid || '/build.tar.gz'
                    AND build."createdAt" <= legacy_time(wanted.deleted_at)))
        RETURNING build."appDescription" AS description, build."expoUrl" AS expo_url
    )
    UPDATE legacy_row
       SET description = coalesce(gone.description, legacy_row.description),
           expo_url = coalesce(gone.expo_url, legacy_row.expo_url)
      FROM gone
     WHERE legacy_row.session = wanted.id;
    UPDATE legacy_row
       SET is_there = false,
           epoch = NULL,
           seq = NULL,
           shared_until = NULL,
           done_in = pg_current_xact_id()
     WHERE session = wanted.id;
END
$$;

-- Takes over what the app wrote: whose a build is, unless we changed that meanwhile;
-- and that somebody came for it.
CREATE FUNCTION legacy_heed(
    here session, base_owner text, their_owner text, their_access timestamp)
RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    IF their_owner IS NOT NULL AND their_owner IS DISTINCT FROM base_owner
       AND here.owner IS NOT DISTINCT FROM base_owner THEN
        UPDATE session
           SET owner = their_owner
         WHERE id = here.id;
    END IF;
    IF their_access > legacy_time(here.accessed_at) THEN
        UPDATE session
           SET accessed_at = greatest(accessed_at,
                                      least(their_access AT TIME ZONE 'UTC',
                                            clock_timestamp()))
         WHERE id = here.id;
    END IF;
END
$$;

-- Writes one session's row. What the app says of it stays as it is.
CREATE FUNCTION legacy_write(kept legacy_build, known legacy_row) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO "BuildSession" AS build
           (id, "sessionId", "userId", "projectName", "appDescription", "storageUrl",
            "fileCount", "sizeBytes", "buildMetadata", "expoUrl", "isActive",
            "isShared", "shareToken", "createdAt", "lastAccessed", "expiresAt")
    VALUES (coalesce(known.row_id, legacy_id()), kept.sid, kept.owner,
            kept.project_name, known.description, kept.storage_url, kept.file_count,
            kept.size_bytes,
            kept.metadata
            || jsonb_build_object('customFiles', coalesce(known.names, '[]')),
            known.expo_url, true, kept.is_shared, kept.share_token,
            coalesce(known.created_at, kept.created_at), kept.last_accessed,
            kept.expires_at)
    ON CONFLICT ("sessionId") DO UPDATE
       SET "userId" = coalesce(excluded."userId", build."userId"),
           "projectName" = excluded."projectName",
           "storageUrl" = excluded."storageUrl",
           "fileCount" = excluded."fileCount",
           "sizeBytes" = excluded."sizeBytes",
           "buildMetadata" = excluded."buildMetadata",
           "isShared" = excluded."isShared",
           "shareToken" = excluded."shareToken",
           "lastAccessed" = excluded."lastAccessed",
           "expiresAt" = excluded."expiresAt"
     WHERE (build."userId", build."projectName", build."storageUrl",
            build."fileCount", build."sizeBytes", build."buildMetadata",
            build."isShared", build."shareToken", build."lastAccessed",
            build."expiresAt")
           IS DISTINCT FROM
           (coalesce(excluded."userId", build."userId"), excluded."projectName",
            excluded."storageUrl", excluded."fileCount", excluded."sizeBytes",
            excluded."buildMetadata", excluded."isShared", excluded."shareToken",
            excluded."lastAccessed", excluded."expiresAt");
END
$$;

-- The app's own sources, as it lists them.
CREATE FUNCTION legacy_custom(wanted text) RETURNS jsonb
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN coalesce((SELECT jsonb_agg(file.name ORDER BY file.name COLLATE "C")
                       FROM (SELECT "filePath" AS name
                               FROM "BuildFile"
                              WHERE "sessionId" = wanted
                                AND "filePath" ~ '\.[jt]sx?$'
                              ORDER BY "filePath" COLLATE "C"
                              LIMIT 200) AS file), '[]');
END
$$;

-- Brings one session's rows to what is kept. Under the lock of the session, and where
-- the app's schema is on the search_path. `whole` compares all; `put_back` writes a
-- row again that the app has deleted.
CREATE FUNCTION legacy_project(wanted text, whole boolean, put_back boolean)
RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    here   session;
    kept   legacy_build;
    known  legacy_row;
    theirs record;
    moved  bigint[];
    listed jsonb;
    number integer;
    is_new boolean;
BEGIN
    SELECT * INTO here FROM session WHERE sid = wanted;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    IF here.deleted_at IS NOT NULL OR here.head_seq IS NULL THEN
        PERFORM legacy_hide(here);
        RETURN;
    END IF;
    SELECT * INTO known FROM legacy_row WHERE session = here.id;
    SELECT build."userId" AS owner, build."appDescription" AS description,
           build."expoUrl" AS expo_url, build."lastAccessed" AS last_accessed
      INTO theirs
      FROM "BuildSession" AS build
     WHERE build."sessionId" = wanted
       FOR NO KEY UPDATE;
    is_new := NOT FOUND;
    IF NOT is_new THEN
        PERFORM legacy_heed(here, known.owner, theirs.owner, theirs.last_accessed);
    END IF;
    SELECT * INTO kept FROM legacy_build WHERE session = here.id;
    IF is_new AND known.is_there AND NOT put_back
       AND NOT (kept.trigger = 'save' AND kept.seq > known.seq) THEN
        RAISE EXCEPTION 'the app has deleted its row' USING ERRCODE = 'EK001';
    END IF;
    listed := coalesce(known.names, '[]');
    number := known.files;
    PERFORM legacy_write(kept, known);
    IF whole OR is_new OR known.epoch IS DISTINCT FROM kept.epoch
       OR known.seq > kept.seq
       OR NOT EXISTS (SELECT
                        FROM version
                       WHERE version.session = here.id
                         AND version.seq = known.seq) THEN
        moved := NULL;
    ELSIF known.seq = kept.seq THEN
        moved := '{}';
    ELSE
        moved := ARRAY(SELECT entry.path
                        FROM file_version AS entry
                       WHERE entry.session = here.id
                         AND entry.epoch = kept.epoch
                         AND entry.valid_from > known.seq
                         AND entry.valid_from <= kept.seq
                       UNION
                      SELECT entry.path
                        FROM file_version AS entry
                       WHERE entry.session = here.id
                         AND entry.epoch = kept.epoch
                         AND entry.valid_to > known.seq
                         AND entry.valid_to <= kept.seq);
    END IF;
    IF moved = '{}' THEN
        NULL;
    ELSIF legacy_write_files(kept, moved) OR known.session IS NULL THEN
        listed := legacy_custom(wanted);
        SELECT count(*)
          INTO number
          FROM "BuildFile" AS file
         WHERE file."sessionId" = wanted;
        UPDATE "BuildSession" AS build
           SET "buildMetadata" = build."buildMetadata"
                                 || jsonb_build_object('customFiles', listed)
         WHERE build."sessionId" = wanted
           AND build."buildMetadata" -> 'customFiles' IS DISTINCT FROM listed;
    END IF;
    INSERT INTO legacy_row (session, is_there, epoch, seq, owner, row_id, created_at,
                            description, expo_url, names, files, shared_until,
                            done_in)
    SELECT here.id, true, kept.epoch, kept.seq, kept.owner, build.id,
           build."createdAt", build."appDescription", build."expoUrl", listed,
           number, kept.shared_until, pg_current_xact_id()
      FROM "BuildSession" AS build
     WHERE build."sessionId" = wanted
    ON CONFLICT (session) DO UPDATE
       SET is_there = true,
           epoch = excluded.epoch,
           seq = excluded.seq,
           owner = excluded.owner,
           row_id = excluded.row_id,
           created_at = excluded.created_at,
           description = excluded.description,
           expo_url = excluded.expo_url,
           names = excluded.names,
           files = excluded.files,
           shared_until = excluded.shared_until,
           done_in = excluded.done_in;
END
$$;

-- The same with a limit on all waiting, and undone where it fails: returns why it did.
CREATE FUNCTION legacy_try(wanted text, whole boolean, put_back boolean) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
    our_path text := current_setting('search_path');
    our_wait text := current_setting('lock_timeout');
    why      text;
BEGIN
    BEGIN
        PERFORM set_config('expokeep.projecting', 'on', true),
                -- Where one has waited in vain, the others need not.
                set_config('lock_timeout',
                           CASE WHEN EXISTS (SELECT FROM legacy_mark)
                                THEN '100ms' ELSE '900ms' END,
                           true),
                set_config('search_path',
                           quote_ident(current_schema()) || ', '
                           || quote_ident(legacy.app_schema) || ', pg_temp',
                           true)
           FROM legacy;
        PERFORM legacy_project(wanted, whole, put_back);
    EXCEPTION WHEN OTHERS OR query_canceled THEN
        why := left(SQLERRM, 500);
    END;
    PERFORM set_config('expokeep.projecting', 'off', true),
            set_config('lock_timeout', our_wait, true),
            set_config('search_path', our_path, true);
    RETURN why;
END
$$;

-- At the end of each transaction that changes what the rows are made of. A version is
-- kept whatever becomes of them.
CREATE FUNCTION legacy_follow() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
    subject jsonb := to_jsonb(CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END);
    changed bigint := CASE TG_TABLE_NAME WHEN 'session' THEN subject ->> 'id'
                                         ELSE subject ->> 'session' END;
    wanted  text;
    why     text;
BEGIN
    SELECT session.sid
      INTO wanted
      FROM legacy
      JOIN session ON session.id = changed
     WHERE legacy.is_attached
       AND NOT EXISTS (SELECT
                         FROM legacy_row
                        WHERE legacy_row.session = session.id
                          AND legacy_row.done_in = pg_current_xact_id())
       AND NOT EXISTS (SELECT
                         FROM legacy_mark
                        WHERE legacy_mark.sid = session.sid
                          AND legacy_mark.by = pg_current_xact_id());
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    IF current_setting('expokeep.rebuilding', true) = 'on'
       OR clock_timestamp() > statement_timestamp() + interval '3 seconds' THEN
        why := 'put off';
    ELSE
        why := legacy_try(wanted, false, false);
    END IF;
    IF why IS NOT NULL THEN
        INSERT INTO legacy_mark (sid, why, is_behind)
        VALUES (wanted, why, why <> 'the app has deleted its row');
    END IF;
    RETURN NULL;
END
$$;

CREATE CONSTRAINT TRIGGER session_followed
AFTER UPDATE ON session
DEFERRABLE INITIALLY DEFERRED
FOR EACH ROW
WHEN ((OLD.owner, OLD.project_name, OLD.last_seq, OLD.head_seq, OLD.accessed_at,
       OLD.created_at, OLD.deleted_at)
      IS DISTINCT FROM
      (NEW.owner, NEW.project_name, NEW.last_seq, NEW.head_seq, NEW.accessed_at,
       NEW.created_at, NEW.deleted_at))
EXECUTE FUNCTION legacy_follow();

CREATE CONSTRAINT TRIGGER version_followed
AFTER UPDATE ON version
DEFERRABLE INITIALLY DEFERRED
FOR EACH ROW
WHEN (OLD.pinned_at IS DISTINCT FROM NEW.pinned_at)
EXECUTE FUNCTION legacy_follow();

CREATE CONSTRAINT TRIGGER share_followed
AFTER INSERT OR DELETE ON share
DEFERRABLE INITIALLY DEFERRED
FOR EACH ROW EXECUTE FUNCTION legacy_follow();

CREATE CONSTRAINT TRIGGER share_end_followed
AFTER UPDATE ON share
DEFERRABLE INITIALLY DEFERRED
FOR EACH ROW
WHEN ((OLD.revoked_at, OLD.expires_at, OLD.uses = OLD.max_uses)
      IS DISTINCT FROM (NEW.revoked_at, NEW.expires_at, NEW.uses = NEW.max_uses))
EXECUTE FUNCTION legacy_follow();

CREATE CONSTRAINT TRIGGER template_followed
AFTER INSERT OR UPDATE OR DELETE ON template
DEFERRABLE INITIALLY DEFERRED
FOR EACH ROW EXECUTE FUNCTION legacy_follow();

CREATE CONSTRAINT TRIGGER token_followed
AFTER INSERT ON legacy_token
DEFERRABLE INITIALLY DEFERRED
FOR EACH ROW EXECUTE FUNCTION legacy_follow();

-- On the app's tables, with our rights and not the app's: what it writes is looked at
-- soon. It waits for nobody, and no failure of ours becomes the app's.
CREATE FUNCTION legacy_noticed() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    IF current_setting('expokeep.projecting', true) = 'on' THEN
        RETURN NULL;
    END IF;
    BEGIN
        INSERT INTO legacy_mark (sid, why)
        SELECT DISTINCT changed."sessionId", 'the app wrote it'
          FROM changed
          JOIN session ON session.sid = changed."sessionId";
    EXCEPTION WHEN OTHERS THEN
        RAISE WARNING 'expokeep was not told: %', SQLERRM;
    END;
    RETURN NULL;
END
$$;

-- More than 5 % of all builds, and at least 10, are no one's wish but a mistake.
CREATE FUNCTION legacy_is_too_much(going bigint) RETURNS boolean
LANGUAGE sql STABLE AS $$
    SELECT going >= 10 AND going > 0.05 * (SELECT count(*)
                                             FROM legacy_row
                                            WHERE is_there)
$$;

CREATE FUNCTION legacy_deleted() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    going bigint;
BEGIN
    IF current_setting('expokeep.projecting', true) = 'on' THEN
        RETURN NULL;
    END IF;
    SELECT count(*)
      INTO going
      FROM changed
      JOIN session ON session.sid = changed."sessionId"
      JOIN legacy_row ON legacy_row.session = session.id
     WHERE legacy_row.is_there;
    IF legacy_is_too_much(going) THEN
        PERFORM nextval('legacy_refusal');
        RAISE EXCEPTION 'expokeep refuses to delete % builds at once', going
              USING HINT = 'Delete them with `expokeep delete`, or a few at a time.';
    END IF;
    INSERT INTO legacy_mark (sid, why)
    SELECT changed."sessionId", 'the app deleted it'
      FROM changed
      JOIN session ON session.sid = changed."sessionId";
    RETURN NULL;
END
$$;

CREATE FUNCTION legacy_emptied() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    IF EXISTS (SELECT FROM legacy_row WHERE is_there) THEN
        PERFORM nextval('legacy_refusal');
        RAISE EXCEPTION 'expokeep refuses to empty a table of builds that it keeps'
              USING HINT = 'Delete builds with `expokeep delete`.';
    END IF;
    RETURN NULL;
END
$$;

-- Lets what follows in this statement find the app's tables, and not wait long.
CREATE FUNCTION legacy_reach() RETURNS void
LANGUAGE sql AS $$
    SELECT set_config('search_path',
                      quote_ident(current_schema()) || ', '
                      || quote_ident(legacy.app_schema) || ', pg_temp',
                      true),
           set_config('lock_timeout', '900ms', true),
           set_config('expokeep.projecting', 'on', true)
      FROM legacy
$$;

-- Rows that were there and are not: the app has deleted them.
CREATE FUNCTION legacy_missing() RETURNS SETOF text
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM legacy_reach();
    RETURN QUERY
    SELECT session.sid
      FROM legacy_row
      JOIN session ON session.id = legacy_row.session
     WHERE legacy_row.is_there
       AND session.deleted_at IS NULL
       AND NOT EXISTS (SELECT
                         FROM "BuildSession" AS build
                        WHERE build."sessionId" = session.sid)
     ORDER BY session.sid;
END
$$;

-- Marks the rows that are not what they are to be; returns how many.
CREATE FUNCTION legacy_compare() RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    found bigint;
BEGIN
    PERFORM legacy_reach();
    INSERT INTO legacy_mark (sid, why, is_behind)
    SELECT kept.sid, 'it was not what is kept', false
      FROM legacy_build AS kept
      LEFT JOIN legacy_row AS known ON known.session = kept.session
      LEFT JOIN "BuildSession" AS build ON build."sessionId" = kept.sid
     WHERE known.session IS NULL
        OR NOT known.is_there
        OR (build.id IS NOT NULL
            AND ((known.epoch, known.seq, known.description, known.expo_url)
                 IS DISTINCT FROM
                 (kept.epoch, kept.seq, build."appDescription", build."expoUrl")
                 OR (build."userId", build."projectName", build."storageUrl",
                     build."fileCount", build."sizeBytes",
                     build."buildMetadata" - 'customFiles', build."isShared",
                     build."shareToken", build."lastAccessed", build."expiresAt")
                    IS DISTINCT FROM
                    (kept.owner, kept.project_name, kept.storage_url,
                     kept.file_count, kept.size_bytes, kept.metadata,
                     kept.is_shared, kept.share_token, kept.last_accessed,
                     kept.expires_at)
                 OR known.files IS DISTINCT FROM
                    (SELECT count(*)
                       FROM "BuildFile" AS file
                      WHERE file."sessionId" = kept.sid)))
     UNION ALL
    SELECT session.sid, 'it was not what is kept', false
      FROM legacy_row
      JOIN session ON session.id = legacy_row.session
     WHERE legacy_row.is_there
       AND (session.deleted_at IS NOT NULL OR session.head_seq IS NULL);
    GET DIAGNOSTICS found = ROW_COUNT;
    RETURN found;
END
$$;

-- Puts our triggers on the app's tables. Prisma neither sees nor minds them.
CREATE FUNCTION legacy_attach() RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    app   text := (SELECT quote_ident(app_schema) FROM legacy);
    here  text := quote_ident(current_schema());
    called record;
BEGIN
    PERFORM set_config('lock_timeout', '900ms', true);
    FOR called IN
        SELECT *
          FROM (VALUES ('BuildSession', 'INSERT', 'NEW', 'noticed'),
                       ('BuildSession', 'UPDATE', 'NEW', 'noticed'),
                       ('BuildSession', 'DELETE', 'OLD', 'deleted'),
                       ('BuildFile', 'INSERT', 'NEW', 'noticed'),
                       ('BuildFile', 'UPDATE', 'NEW', 'noticed'),
                       ('BuildFile', 'DELETE', 'OLD', 'noticed'))
               AS wish (name, event, side, act)
    LOOP
        EXECUTE format('CREATE OR REPLACE TRIGGER %I AFTER %s ON %s.%I '
                       'REFERENCING %s TABLE AS changed FOR EACH STATEMENT '
                       'EXECUTE FUNCTION %s.legacy_%s()',
                       'expokeep_' || lower(called.event), called.event, app,
                       called.name, called.side, here, called.act);
    END LOOP;
    FOR called IN SELECT unnest('{BuildSession,BuildFile}'::text[]) AS name LOOP
        EXECUTE format('CREATE OR REPLACE TRIGGER expokeep_truncate '
                       'BEFORE TRUNCATE ON %s.%I FOR EACH STATEMENT '
                       'EXECUTE FUNCTION %s.legacy_emptied()',
                       app, called.name, here);
    END LOOP;
END
$$;

CREATE FUNCTION legacy_detach() RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    called record;
BEGIN
    PERFORM set_config('lock_timeout', '900ms', true);
    FOR called IN
        SELECT trigger.tgname AS name, trigger.tgrelid::regclass::text AS place
          FROM pg_trigger AS trigger
          JOIN pg_proc ON pg_proc.oid = trigger.tgfoid
         WHERE pg_proc.pronamespace = current_schema()::regnamespace
           AND pg_proc.proname IN ('legacy_noticed', 'legacy_deleted',
                                   'legacy_emptied')
    LOOP
        EXECUTE format('DROP TRIGGER %I ON %s', called.name, called.place);
    END LOOP;
END
$$;

-- Whether there is anything to do or to tell.
CREATE FUNCTION legacy_waits() RETURNS boolean
LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT FROM legacy_mark)
        OR EXISTS (SELECT FROM legacy_row WHERE shared_until <= now())
        OR (SELECT legacy_refusal.is_called
                   AND legacy_refusal.last_value > legacy.refusals_told
              FROM legacy_refusal
             CROSS JOIN legacy)
$$;
