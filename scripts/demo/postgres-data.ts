/** The database that the demo backs up: a small shop, with a few things that simple dumps lose. */
export const shop = `
CREATE TYPE order_state AS ENUM ('open', 'paid', 'sent');
CREATE TABLE customers (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name text NOT NULL,
  email text UNIQUE NOT NULL
);
CREATE TABLE orders (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  customer bigint NOT NULL REFERENCES customers,
  state order_state NOT NULL DEFAULT 'open',
  placed_at timestamptz NOT NULL
);
CREATE TABLE "order lines" (
  "order" bigint NOT NULL REFERENCES orders,
  position int NOT NULL,
  article text NOT NULL,
  price numeric(10, 2) NOT NULL,
  amount int NOT NULL,
  total numeric(12, 2) GENERATED ALWAYS AS (price * amount) STORED,
  PRIMARY KEY ("order", position)
);
INSERT INTO customers (name, email)
  SELECT 'Customer ' || n, 'customer' || n || '@example.org' FROM generate_series(1, 2000) n;
INSERT INTO orders (customer, state, placed_at)
  SELECT 1 + n % 2000, (ARRAY['open', 'paid', 'sent'])[1 + n % 3]::order_state, timestamptz '2026-01-01' + n * interval '7 minutes'
  FROM generate_series(1, 10000) n;
INSERT INTO "order lines" ("order", position, article, price, amount)
  SELECT o, p, md5(o::text || p::text), (o * p % 9900) / 100.0 + 1, 1 + p
  FROM generate_series(1, 10000) o, generate_series(1, 3) p;
CREATE MATERIALIZED VIEW turnover AS
  SELECT date_trunc('month', placed_at) AS month, sum(total) AS total
  FROM orders JOIN "order lines" ON "order" = id GROUP BY 1;
`;

/** One row per relation: its name, its number of rows, and a hash over all of them. */
export const countRows = `
SELECT 'customers', count(*), md5(string_agg(c::text, '' ORDER BY c.id)) FROM customers c
UNION ALL SELECT 'orders', count(*), md5(string_agg(o::text, '' ORDER BY o.id)) FROM orders o
UNION ALL SELECT 'order lines', count(*), md5(string_agg(l::text, '' ORDER BY l."order", l.position)) FROM "order lines" l
UNION ALL SELECT 'turnover', count(*), md5(string_agg(t::text, '' ORDER BY t.month)) FROM turnover t;
`;
