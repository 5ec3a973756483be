-- Amounts of the service in PostgreSQL. The comment after a select is its result.

-- region parse
-- numeric without digits holds every charge and every sum of charges.
create temporary table charges (account_id text, account_charge numeric not null);

insert into charges values
  ('a', '987654321098666665690.1123455691099966679122345671233366543210987651'),
  ('b', '-0.0000000000000000000000000000000000000000000001');

select sum(account_charge) from charges;
-- 987654321098666665690.1123455691099966679122345671233366543210987650

-- numeric(67, 46) is the narrowest type that holds every charge of CalculateCharge.
select account_charge::numeric(67, 46) from charges where account_id = 'a';
-- 987654321098666665690.1123455691099966679122345671233366543210987651

-- A check rejects what a narrower type would round.
create temporary table cents (
  account_charge numeric not null check (scale(trim_scale(account_charge)) <= 2)
);
-- endregion

-- region traps
-- A type with fewer fraction digits rounds, without an error.
select '0.123456789'::numeric(20, 6);
-- 0.123457

-- numeric(20) has no fraction digits at all.
select '1.5'::numeric(20);
-- 2

-- A double keeps 15 to 17 digits.
select '987654321098666665690.1123455691099966679122345671233366543210987651'::float8;
-- 9.876543210986667e+20

-- A quotient has fewer fraction digits the larger it is. Multiply first, and divide once.
select 1 / 3::numeric, 20000000000 / 3::numeric;
-- 0.33333333333333333333, 6666666666.66666667
-- endregion
