-- Comparing passwords needs SELECT on pg_authid. Without the privilege a plain query would fail the whole statement list, so the
-- query runs conditionally, and a setting local to the transaction passes its result on.
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
