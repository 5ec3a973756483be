-- Grants the service the rights that it needs, and no others. llmprices_owner runs this after each
-- "llmprices migrate up", before the new version of the service starts. It can be run again.

begin;

revoke all on all tables in schema public from public, llmprices_service;
revoke all on all sequences in schema public from public, llmprices_service;
revoke all on all functions in schema public from public, llmprices_service;
grant usage on schema public to llmprices_service;

-- The catalogue: the service adds and removes names, and never changes one. It locks the names that a new
-- price refers to. A lock needs the right to update some column; a trigger sets this one in any case.
grant select, insert, delete on charge_types, providers, models to llmprices_service;
grant update (updated_at) on charge_types, providers, models to llmprices_service;

-- Keys are never removed. A trigger writes their version, with the rights of the session.
grant select, insert on llm_prices to llmprices_service;
grant update (book_version) on llm_prices to llmprices_service;

-- The service adds revisions, and takes them back. Triggers keep what every version said.
grant select, insert on llm_price_revisions to llmprices_service;
grant update (superseded_in) on llm_price_revisions to llmprices_service;

-- The same for rate cards.
grant select, insert on rate_cards to llmprices_service;
grant update (book_version) on rate_cards to llmprices_service;
grant select, insert on rate_card_revisions to llmprices_service;
grant update (superseded_in) on rate_card_revisions to llmprices_service;

-- For raise_book_version(). A trigger allows only the next version.
grant select on price_book to llmprices_service;
grant update (version, changed_at) on price_book to llmprices_service;

grant select, insert, update, delete on answered_requests to llmprices_service;

-- To check whether the schema has all migrations that the service needs.
grant select on knex_migrations to llmprices_service;

grant execute on function
  instant_now(), is_instant(timestamptz), is_own_change(price_book), raise_book_version(),
  change_llm_price, change_rate_card, is_rates(jsonb), is_rate(jsonb), is_weekly_hours(jsonb)
  to llmprices_service;

commit;
