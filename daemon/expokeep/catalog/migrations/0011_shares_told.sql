-- Webhooks hear of what is lent.
--
-- A daemon of a schema before still works on this one: nothing that it writes needs more.

-- By the share's public name; its token is nowhere here.
CREATE FUNCTION tell_of_share() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM tell_webhooks(
        CASE WHEN NEW.revoked_at IS NULL THEN 'share.created' ELSE 'share.revoked' END,
        (SELECT sid FROM session WHERE id = NEW.session),
        jsonb_build_object(
            'share', NEW.name, 'seq', NEW.seq, 'created_by', NEW.created_by,
            'expires_at', NEW.expires_at, 'max_uses', NEW.max_uses,
            'revoked_by', NEW.revoked_by));
    RETURN NULL;
END
$$;

CREATE TRIGGER share_told_of
AFTER INSERT ON share FOR EACH ROW EXECUTE FUNCTION tell_of_share();

CREATE TRIGGER share_end_told_of
AFTER UPDATE OF revoked_at ON share FOR EACH ROW
 WHEN (OLD.revoked_at IS NULL AND NEW.revoked_at IS NOT NULL)
EXECUTE FUNCTION tell_of_share();

CREATE FUNCTION tell_of_import() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
    name text;
    home text;
BEGIN
    SELECT share.name, session.sid INTO name, home
      FROM share
      JOIN session ON session.id = share.session
     WHERE share.id = NEW.share;
    PERFORM tell_webhooks('share.imported', home, jsonb_build_object(
        'share', name, 'seq', NEW.seq, 'user', NEW.user_name,
        'imported_as', NEW.session));
    RETURN NULL;
END
$$;

CREATE TRIGGER share_use_told_of
AFTER UPDATE OF outcome ON share_use FOR EACH ROW
 WHEN (OLD.outcome <> 'imported' AND NEW.outcome = 'imported')
EXECUTE FUNCTION tell_of_import();
