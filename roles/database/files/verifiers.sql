-- Passwords can be compared only by who may read pg_authid. Asking for it without the right would fail the whole reading,
-- so it is asked in a branch, and what it said waits in a setting that ends with the transaction.
DO $verifiers$
BEGIN
  IF has_table_privilege('pg_authid', 'SELECT') THEN
    PERFORM set_config('stateops.verifiers', (
      SELECT coalesce(json_object_agg(rolname, coalesce(rolpassword, '')), '{}')::text
      FROM pg_authid
      WHERE rolname IN (SELECT json_array_elements_text(current_setting('stateops.roles')::json))
    ), true);
  END IF;
END
$verifiers$
