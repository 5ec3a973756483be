-- Creates the roles of a database for LLMPrices, and restricts who may connect to it. An administrator runs
-- this, connected to that database. It can be run again.
--
--   llmprices_owner      owns everything: "llmprices migrate" and grants.sql run as it
--   llmprices_service    has the rights of the service, from grants.sql, and cannot log in
--   llmprices_service_a  log in and are members of llmprices_service: two roles, so that a password can be
--   llmprices_service_b  changed while replicas with the old one still run
--
-- The roles have no passwords yet, so they cannot log in with one. Set passwords with \password, which sends
-- no plain text, or as deploy/postgres/passwords.sql does.

do $$
declare
  login text;
begin
  if to_regrole('llmprices_service') is null then
    create role llmprices_service nologin;
  end if;
  foreach login in array array['llmprices_owner', 'llmprices_service_a', 'llmprices_service_b'] loop
    if to_regrole(login) is null then
      execute format('create role %I login', login);
    end if;
    execute format('alter role %I nosuperuser nocreatedb nocreaterole noreplication', login);
  end loop;
  grant llmprices_service to llmprices_service_a, llmprices_service_b;

  -- An import uses temporary tables.
  execute format('revoke all on database %I from public', current_database());
  execute format('grant connect, temporary on database %I to llmprices_service', current_database());
  execute format('alter database %I owner to llmprices_owner', current_database());
end $$;

-- Up to PostgreSQL 14 every role may create tables in this schema.
revoke all on schema public from public;
grant usage, create on schema public to llmprices_owner;
