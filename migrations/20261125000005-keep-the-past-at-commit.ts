import type { Knex } from "knex";

/** Validates the changes of timelines again at the commit, by the clock of the commit. */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    create function keep_the_past_at_commit() returns trigger language plpgsql as $$
    declare
      own_version constant bigint := (select version from price_book);
    begin
      -- What this transaction itself has written nobody else has seen.
      if tg_op in ('UPDATE', 'DELETE') and old.book_version <> own_version
        and old.effective_from <= clock_timestamp()
      then
        raise exception 'a revision that has taken effect by the commit is not changed or removed'
          using errcode = 'integrity_constraint_violation',
            constraint = 'llm_price_revisions_keep_the_past';
      end if;
      if tg_op in ('INSERT', 'UPDATE') and exists (
        select from llm_price_revisions other
        where other.llm_price_id = new.llm_price_id
          and other.book_version <> own_version
          and other.effective_from > new.effective_from
          and other.effective_from <= clock_timestamp()
      ) then
        raise exception 'no revision is put before one that has taken effect by the commit'
          using errcode = 'integrity_constraint_violation',
            constraint = 'llm_price_revisions_keep_the_past';
      end if;
      return null;
    end $$;
    -- The instant of a transaction is that of its first change. Other callers bill until it
    -- commits: a revision that has taken effect meanwhile belongs to the past too.
    create constraint trigger llm_price_revisions_keep_the_past_at_commit
      after insert or update or delete on llm_price_revisions
      deferrable initially deferred
      for each row execute function keep_the_past_at_commit();
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    drop trigger llm_price_revisions_keep_the_past_at_commit on llm_price_revisions;
    drop function keep_the_past_at_commit();
  `);
}
