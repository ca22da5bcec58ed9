-- find_table: the schema and name of a table, view or foreign table; the first in the search path
SELECT n.nspname AS schema, c.relname AS name
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relname = :name AND c.relkind IN ('r', 'v', 'm', 'f', 'p')
  AND n.nspname = ANY (CASE WHEN CAST(:schema AS name) IS NULL THEN current_schemas(false)
    ELSE ARRAY[CAST(:schema AS name)] END)
ORDER BY array_position(current_schemas(false), n.nspname), n.nspname
LIMIT 1;

-- table_columns: the columns of a table with their types
SELECT a.attname AS name, t.typname AS type,
  CASE WHEN t.typname IN ('geometry', 'geography') THEN postgis_typmod_srid(a.atttypmod) END AS srid
FROM pg_attribute a
JOIN pg_class c ON c.oid = a.attrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_type t ON t.oid = a.atttypid
WHERE n.nspname = :schema AND c.relname = :name AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY a.attnum;

-- table_keys: the columns that are unique by themselves and never null, the primary key first
SELECT a.attname AS name
FROM pg_index i
JOIN pg_class c ON c.oid = i.indrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = i.indkey[0]
WHERE n.nspname = :schema AND c.relname = :name AND i.indisunique AND i.indisvalid
  AND i.indnatts = 1 AND i.indpred IS NULL AND (a.attnotnull OR i.indisprimary)
ORDER BY i.indisprimary DESC, a.attnum;

-- system: what PostGIS knows of a coordinate reference system
SELECT CASE WHEN auth_name IS NULL THEN srtext ELSE auth_name || ':' || auth_srid END
FROM spatial_ref_sys
WHERE srid = :srid;
