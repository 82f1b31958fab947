-- Versions without a directory: where one came from, and templates.
--
-- A daemon of schema 2 still works on this one: nothing that it writes needs more.

-- `fork`, `import` and `template` begin a session with what another one has; `revert`
-- goes back to what a session had.
ALTER TABLE version
  DROP CONSTRAINT version_trigger_check,
   ADD CONSTRAINT version_trigger_check
       CHECK (trigger IN ('auto', 'save', 'flush', 'final', 'adopted', 'fork', 'import',
                          'revert', 'template'));

-- The version that the contents of this one are of. No foreign key, and a name instead of
-- a number: it is told long after that session is gone.
ALTER TABLE version ADD COLUMN origin_session text COLLATE "C";
ALTER TABLE version ADD COLUMN origin_seq integer CHECK (origin_seq > 0);
ALTER TABLE version
  ADD CONSTRAINT version_origin_check
      CHECK ((origin_session IS NULL) = (origin_seq IS NULL));

-- A name for a version that sessions are begun with. While it is here, nothing lets go
-- of the version: that is what the foreign key is for. Each user's names are its own:
-- those of the owner of the session, and where it has none, of whose its directory is.
CREATE TABLE template (
    name       text COLLATE "C" NOT NULL CHECK (name ~ '^[^[:cntrl:]@/]{1,100}$'),
    owner      text COLLATE "C" NOT NULL DEFAULT '',
    uid        bigint NOT NULL,
    session    bigint NOT NULL,
    seq        integer NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (name, owner, uid),
    FOREIGN KEY (session, seq) REFERENCES version (session, seq)
);

CREATE INDEX template_by_version ON template (session, seq);

ALTER TABLE fact
  DROP CONSTRAINT fact_kind_check,
   ADD CONSTRAINT fact_kind_check
       CHECK (kind IN ('session', 'epoch', 'version', 'label', 'template'));

CREATE TRIGGER template_noted
AFTER INSERT OR DELETE OR UPDATE
   ON template FOR EACH ROW EXECUTE FUNCTION note_fact();
