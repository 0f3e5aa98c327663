"""The SQL of the invalidation benchmark: the tables, the described design, synchronous refresh."""

from typing import Final

#: Four tables of what a patient has, and the cache of what a dashboard shows of each patient: the
#: columns that a refresh is described to fill (G-30), as far as these four tables have them.
TABLES: Final = """
CREATE SCHEMA bench;
CREATE TABLE bench.patients (id bigint PRIMARY KEY);
CREATE TABLE bench.medications (
    id bigint PRIMARY KEY, patient_id bigint NOT NULL, dose integer NOT NULL, status text NOT NULL,
    severity text NOT NULL, requires_review boolean NOT NULL, at timestamptz NOT NULL,
    note text NOT NULL);
CREATE TABLE bench.conditions (LIKE bench.medications INCLUDING ALL);
CREATE TABLE bench.allergies (LIKE bench.medications INCLUDING ALL);
CREATE TABLE bench.documents (LIKE bench.medications INCLUDING ALL);
INSERT INTO bench.patients SELECT p FROM generate_series(1, {patients}) AS p;
INSERT INTO bench.medications
SELECT g, 1 + g % {patients}, 1, (ARRAY['active', 'chronic', 'stopped'])[1 + g / {patients} % 3],
    (ARRAY['mild', 'severe', 'life-threatening'])[1 + g / {patients} % 3], g / {patients} % 4 = 0,
    '2026-01-01'::timestamptz + g * interval '1 s', 'a medication of some length'
FROM generate_series(0, {rows} - 1) AS g;
INSERT INTO bench.conditions SELECT * FROM bench.medications WHERE id < 2 * {patients};
INSERT INTO bench.allergies SELECT * FROM bench.medications WHERE id < {patients};
INSERT INTO bench.documents SELECT * FROM bench.medications WHERE id < 3 * {patients};
CREATE INDEX ON bench.medications (patient_id);
CREATE INDEX ON bench.conditions (patient_id);
CREATE INDEX ON bench.allergies (patient_id);
CREATE INDEX ON bench.documents (patient_id);
CREATE TABLE bench.cache (
    patient_id bigint PRIMARY KEY, medications bigint, dose bigint, last_medication timestamptz,
    conditions bigint, chronic bigint, last_condition timestamptz, allergies bigint,
    critical bigint, documents bigint, last_document timestamptz, reviews bigint, summary jsonb,
    version integer NOT NULL DEFAULT 1, refreshed_at timestamptz, took_ms double precision)
    WITH (fillfactor = 50);
CREATE TABLE bench.change (patient_id bigint NOT NULL, dose bigint NOT NULL);
CREATE TABLE bench.served (patient_id bigint NOT NULL, dose bigint);
VACUUM ANALYZE;
"""

_COLUMNS: Final = (
    "patient_id, medications, dose, last_medication, conditions, chronic, last_condition,"
    " allergies, critical, documents, last_document, reviews, summary"
)
_CONFLICT: Final = (
    "ON CONFLICT (patient_id) DO UPDATE SET "
    + ", ".join(f"{c.strip()} = excluded.{c.strip()}" for c in _COLUMNS.split(",")[1:])
    + ", version = c.version + 1, refreshed_at = excluded.refreshed_at, took_ms = excluded.took_ms"
)

_ACTIVE: Final = "count(*) FILTER (WHERE status = 'active')"
_CRITICAL: Final = "severity IN ('severe', 'life-threatening')"

#: What the cache of one patient holds, patient by patient: what is right.
_ONE: Final = f"""
    SELECT patient, m.n, m.dose, m.last, c.n, c.chronic, c.last, a.n, a.critical, d.n, d.last,
        m.reviews + c.reviews + a.reviews + d.reviews,
        jsonb_build_object('medications', m.statuses, 'conditions', c.severities)
    FROM (
        SELECT {_ACTIVE} AS n, sum(dose) AS dose, max(at) AS last,
            count(*) FILTER (WHERE requires_review) AS reviews,
            coalesce((SELECT jsonb_object_agg(s.status, s.n) FROM (
                SELECT status, count(*) AS n FROM bench.medications
                WHERE patient_id = patient GROUP BY 1) AS s), '{{}}') AS statuses
        FROM bench.medications WHERE patient_id = patient
    ) AS m
    CROSS JOIN (
        SELECT {_ACTIVE} AS n, count(*) FILTER (WHERE status = 'chronic') AS chronic,
            max(at) AS last, count(*) FILTER (WHERE requires_review) AS reviews,
            coalesce((SELECT jsonb_object_agg(s.severity, s.n) FROM (
                SELECT severity, count(*) AS n FROM bench.conditions
                WHERE patient_id = patient GROUP BY 1) AS s), '{{}}') AS severities
        FROM bench.conditions WHERE patient_id = patient
    ) AS c
    CROSS JOIN (
        SELECT {_ACTIVE} AS n,
            count(*) FILTER (WHERE status = 'active' AND {_CRITICAL}) AS critical,
            count(*) FILTER (WHERE requires_review) AS reviews
        FROM bench.allergies WHERE patient_id = patient
    ) AS a
    CROSS JOIN (
        SELECT count(*) AS n, max(at) AS last, count(*) FILTER (WHERE requires_review) AS reviews
        FROM bench.documents WHERE patient_id = patient
    ) AS d
"""

#: The same of many patients at once: each table is read once, by their ids. Sums of small integers
#: stay integers, and rows come sorted to where JSON is made: a state for each at once is dear. JSON
#: is text until the end: a jsonb of each part is dearer than reading the whole once.
_MANY: Final = f"""
    SELECT p.id, coalesce(m.n, 0), m.dose, m.last, coalesce(c.n, 0), coalesce(c.chronic, 0),
        c.last, coalesce(a.n, 0), coalesce(a.critical, 0), coalesce(d.n, 0), d.last,
        coalesce(m.reviews, 0) + coalesce(c.reviews, 0) + coalesce(a.reviews, 0)
            + coalesce(d.reviews, 0),
        json_build_object('medications', coalesce(m.statuses, '{{}}'),
            'conditions', coalesce(c.severities, '{{}}'))::jsonb
    FROM unnest(ids) AS p (id)
    LEFT JOIN (
        SELECT s.patient_id, coalesce(sum(s.n) FILTER (WHERE s.status = 'active'), 0) AS n,
            sum(s.dose)::bigint AS dose, max(s.last) AS last, sum(s.reviews) AS reviews,
            json_object_agg(s.status, s.n) AS statuses
        FROM (SELECT patient_id, status, count(*)::integer AS n, sum(dose) AS dose,
                  max(at) AS last,
                  (count(*) FILTER (WHERE requires_review))::integer AS reviews
              FROM bench.medications WHERE patient_id = ANY (ids)
              GROUP BY 1, 2 ORDER BY 1) AS s
        GROUP BY 1
    ) AS m ON m.patient_id = p.id
    LEFT JOIN (
        SELECT s.patient_id, sum(s.n_active) AS n, sum(s.chronic) AS chronic,
            max(s.last) AS last, sum(s.reviews) AS reviews,
            json_object_agg(s.severity, s.n) AS severities
        FROM (SELECT patient_id, severity, count(*)::integer AS n,
                  ({_ACTIVE})::integer AS n_active,
                  (count(*) FILTER (WHERE status = 'chronic'))::integer AS chronic,
                  max(at) AS last,
                  (count(*) FILTER (WHERE requires_review))::integer AS reviews
              FROM bench.conditions WHERE patient_id = ANY (ids)
              GROUP BY 1, 2 ORDER BY 1) AS s
        GROUP BY 1
    ) AS c ON c.patient_id = p.id
    LEFT JOIN (SELECT patient_id, {_ACTIVE} AS n,
                   count(*) FILTER (WHERE status = 'active' AND {_CRITICAL}) AS critical,
                   count(*) FILTER (WHERE requires_review) AS reviews
               FROM bench.allergies WHERE patient_id = ANY (ids) GROUP BY 1
    ) AS a ON a.patient_id = p.id
    LEFT JOIN (SELECT patient_id, count(*) AS n, max(at) AS last,
                   count(*) FILTER (WHERE requires_review) AS reviews
               FROM bench.documents WHERE patient_id = ANY (ids) GROUP BY 1
    ) AS d ON d.patient_id = p.id
"""

#: What is wrong: patients whose cache is not what the tables say, patient by patient.
STALE: Final = f"""
SELECT count(*) FROM (
    (SELECT f.* FROM bench.patients AS p CROSS JOIN LATERAL (
        {_ONE.replace("= patient", "= p.id").replace("SELECT patient,", "SELECT p.id,")}) AS f)
    EXCEPT
    (SELECT {_COLUMNS} FROM bench.cache)
) AS d
"""

#: One patient (as described: a statement for each figure), and many at once (ours).
REFRESH: Final = f"""
CREATE FUNCTION bench.refresh_one(patient bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    began timestamptz := clock_timestamp();
    kept bench.cache;
    statuses jsonb;
    severities jsonb;
BEGIN
    kept.patient_id := patient;
    kept.version := 1;
    SELECT count(*) INTO kept.medications
    FROM bench.medications WHERE patient_id = patient AND status = 'active';
    SELECT sum(dose), max(at) INTO kept.dose, kept.last_medication
    FROM bench.medications WHERE patient_id = patient;
    SELECT count(*) INTO kept.conditions
    FROM bench.conditions WHERE patient_id = patient AND status = 'active';
    SELECT count(*) INTO kept.chronic
    FROM bench.conditions WHERE patient_id = patient AND status = 'chronic';
    SELECT max(at) INTO kept.last_condition FROM bench.conditions WHERE patient_id = patient;
    SELECT count(*) INTO kept.allergies
    FROM bench.allergies WHERE patient_id = patient AND status = 'active';
    SELECT count(*) INTO kept.critical
    FROM bench.allergies WHERE patient_id = patient AND status = 'active' AND {_CRITICAL};
    SELECT count(*), max(at) INTO kept.documents, kept.last_document
    FROM bench.documents WHERE patient_id = patient;
    SELECT (SELECT count(*) FROM bench.medications WHERE patient_id = patient AND requires_review)
        + (SELECT count(*) FROM bench.conditions WHERE patient_id = patient AND requires_review)
        + (SELECT count(*) FROM bench.allergies WHERE patient_id = patient AND requires_review)
        + (SELECT count(*) FROM bench.documents WHERE patient_id = patient AND requires_review)
    INTO kept.reviews;
    SELECT coalesce(jsonb_object_agg(s.status, s.n), '{{}}') INTO statuses
    FROM (SELECT status, count(*) AS n FROM bench.medications
          WHERE patient_id = patient GROUP BY 1) AS s;
    SELECT coalesce(jsonb_object_agg(s.severity, s.n), '{{}}') INTO severities
    FROM (SELECT severity, count(*) AS n FROM bench.conditions
          WHERE patient_id = patient GROUP BY 1) AS s;
    kept.summary := jsonb_build_object('medications', statuses, 'conditions', severities);
    kept.refreshed_at := clock_timestamp();
    kept.took_ms := extract(epoch FROM clock_timestamp() - began) * 1000;
    INSERT INTO bench.cache AS c SELECT kept.* {_CONFLICT};
END $$;
CREATE FUNCTION bench.refresh_many(entities text[]) RETURNS TABLE (entity text, error text)
LANGUAGE plpgsql
SET work_mem = '64MB'
SET plan_cache_mode = force_generic_plan
SET enable_nestloop = off
SET enable_indexscan = off AS $$
DECLARE
    began timestamptz := clock_timestamp();
    ids bigint[];
BEGIN
    IF '*' = ANY (entities) THEN
        SELECT array_agg(id) INTO ids FROM bench.patients;
    ELSE
        ids := entities::bigint[];
    END IF;
    INSERT INTO bench.cache AS c ({_COLUMNS}, refreshed_at, took_ms)
    SELECT f.*, clock_timestamp(),
        extract(epoch FROM clock_timestamp() - began) * 1000 / cardinality(ids)
    FROM ({_MANY}) AS f
    {_CONFLICT};
END $$;
CREATE FUNCTION bench.refresh_and_note(entities text[]) RETURNS TABLE (entity text, error text)
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM bench.refresh_many(entities);
    INSERT INTO bench.served SELECT patient_id, dose FROM bench.cache
    WHERE patient_id::text = ANY (entities);
END $$;
"""

#: The described design, repaired just enough to run: a row trigger upserts the queue, a loop takes
#: up to 100 of the oldest, refreshes each and deletes it.
DESCRIBED: Final = """
CREATE TABLE bench.queue (
    patient_id bigint NOT NULL, queued_at timestamptz DEFAULT now(),
    cache_type text DEFAULT 'dashboard', reason text, PRIMARY KEY (patient_id, cache_type));
CREATE INDEX ON bench.queue (queued_at);
CREATE FUNCTION bench.enqueue() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO bench.queue (patient_id, queued_at, cache_type, reason)
    VALUES (NEW.patient_id, now(), 'dashboard', TG_TABLE_NAME || '_change')
    ON CONFLICT (patient_id, cache_type) DO UPDATE SET queued_at = now(), reason = excluded.reason;
    RETURN NEW;
END $$;
CREATE FUNCTION bench.process_queue() RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
    entry record;
    done integer := 0;
BEGIN
    FOR entry IN SELECT patient_id, cache_type FROM bench.queue ORDER BY queued_at LIMIT 100 LOOP
        PERFORM bench.refresh_one(entry.patient_id);
        DELETE FROM bench.queue AS q
        WHERE q.patient_id = entry.patient_id AND q.cache_type = entry.cache_type;
        done := done + 1;
    END LOOP;
    RETURN done;
END $$;
CREATE FUNCTION bench.sync_row() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM bench.refresh_one(NEW.patient_id);
    RETURN NEW;
END $$;
CREATE FUNCTION bench.sync_statement() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM bench.refresh_one(d.patient_id) FROM (SELECT DISTINCT patient_id FROM changed) AS d;
    RETURN NULL;
END $$;
"""

#: Triggers of the sides, by name: each is there only while its side is measured.
TRIGGERS: Final = {
    "none": "",
    "described": "CREATE TRIGGER side AFTER INSERT OR UPDATE ON bench.medications"
    " FOR EACH ROW EXECUTE FUNCTION bench.enqueue()",
    "sync_row": "CREATE TRIGGER side AFTER INSERT OR UPDATE ON bench.medications"
    " FOR EACH ROW EXECUTE FUNCTION bench.sync_row()",
    "sync_distinct": "CREATE TRIGGER side AFTER UPDATE ON bench.medications"
    " REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION bench.sync_statement()",
}

#: The reference workload, and single rows of random patients in one transaction each of 100.
BULK: Final = "UPDATE bench.medications SET dose = dose + 1"
SINGLE: Final = """
DO $$
BEGIN
    FOR i IN 1..{count} LOOP
        UPDATE bench.medications SET dose = dose + 1
        WHERE id = (hashint4(i)::bigint & 2147483647) % {rows};
    END LOOP;
END $$
"""
