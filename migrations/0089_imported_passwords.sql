-- Whether a password's hash was made by another system, which did not normalise what was typed.
-- compatible-since: 0085

ALTER TABLE users ADD COLUMN password_imported INTEGER NOT NULL DEFAULT 0 CHECK (password_imported IN (0, 1));

-- who has signed in has a hash that is right by our rules
UPDATE users SET password_imported = 1 WHERE imported_at IS NOT NULL AND last_login_at IS NULL;
