-- What the service may do: no more than it does. llmprices_owner runs this after each
-- "llmprices migrate up", before the new version of the service starts; it may be run again.

begin;

revoke all on all tables in schema public from public, llmprices_service;
revoke all on all sequences in schema public from public, llmprices_service;
revoke all on all functions in schema public from public, llmprices_service;
grant usage on schema public to llmprices_service;

-- The catalogue: names come and go. None is changed; but what a price is about to refer to is locked,
-- which takes the right to update some column, and a trigger writes this one itself.
grant select, insert, delete on charge_types, providers, models to llmprices_service;
grant update (updated_at) on charge_types, providers, models to llmprices_service;

-- Keys stay for ever. Their version is written by a trigger, with the rights of the session.
grant select, insert on llm_prices to llmprices_service;
grant update (book_version) on llm_prices to llmprices_service;

-- Revisions are added, and scheduled ones cancelled. Triggers keep the past.
grant select, insert, delete on llm_price_revisions to llmprices_service;

-- By raise_book_version(); a trigger lets it count one by one only.
grant select on price_book to llmprices_service;
grant update (version, version_ahead, changed_at) on price_book to llmprices_service;

grant select, insert, update, delete on answered_requests to llmprices_service;

-- Whether the schema is the one that the service needs.
grant select on knex_migrations to llmprices_service;

grant execute on function
  instant_now(), is_instant(timestamptz), raise_book_version(interval) to llmprices_service;

commit;
