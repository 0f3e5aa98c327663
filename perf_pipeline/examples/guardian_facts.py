"""What is known of some guardian patients: documents, medications, conditions, values (pure)."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from perf_pipeline.examples.thorbis_kit import DAY_US, Chunk, Ints, days_of, moments, uuids, words

SCHEMA = "guardian"

#: Facts a patient has on average; some have many.
_MEAN = {
    "documents": 3,
    "patient_medications": 5,
    "patient_conditions": 3,
    "patient_allergies": 2,
    "patient_lab_results": 12,
    "patient_encounters": 5,
    "patient_vitals": 8,
}
#: Facts reach back so far: into two calendar years at most.
FACT_DAYS = 360
_ARCHIVED, _NEVER_RATED = 0.01, 0.1
_SEVERITY = ("mild", "moderate", "severe", "life_threatening")
_DRUGS = ("amlodipine", "metformin", "ibuprofen", "ramipril", "sertraline", "insulin", "warfarin")
_ILLNESSES = ("hypertension", "diabetes", "migraine", "asthma", "arthritis", "anaemia", "eczema")
_SUBSTANCES = ("penicillin", "peanut", "latex", "pollen", "nickel")
_TESTS = ("haemoglobin", "glucose", "creatinine", "cholesterol", "potassium", "sodium")
_VISITS = ("check-up", "emergency", "follow-up", "vaccination")
_PHRASES = (
    "the patient reports",
    "no sign of",
    "started treatment with",
    "stopped taking",
    "family history of",
    "follow up in six weeks because of",
    "tolerates",
    "was referred for",
)


@dataclass(frozen=True)
class Patients:
    """Some patients: their ids, the number of the first, and the reference time (us)."""

    ids: pl.Series
    first: int
    now_us: int


@dataclass(frozen=True)
class Facts:
    """The rows of some patients; `owner` holds the 0-based patient of each row of a table."""

    patients: Patients
    chunk: Chunk
    owner: dict[str, Ints]

    def one_of(self, table: str, patient: Ints, rng: np.random.Generator) -> Ints:
        """Return, per patient, the position of one of its rows; every patient has some."""
        count = np.bincount(self.owner[table], minlength=len(self.patients.ids))
        start = np.cumsum(count) - count
        chosen: Ints = start[patient] + (rng.random(len(patient)) * count[patient]).astype(np.int64)
        return chosen


def facts(patients: Patients, rng: np.random.Generator) -> Facts:
    """Make the rows of some patients: users first."""
    n = len(patients.ids)
    # a quarter of the patients are ill more often than the others
    often = rng.gamma(2.0, 0.5, n)
    owner = {
        name: np.repeat(np.arange(n), 1 + rng.poisson((mean - 1) * often))
        for name, mean in _MEAN.items()
    }
    makers = {
        "documents": _documents,
        "patient_medications": _medications,
        "patient_conditions": _conditions,
        "patient_allergies": _allergies,
        "patient_lab_results": _lab_results,
        "patient_encounters": _encounters,
        "patient_vitals": _vitals,
    }
    joined = patients.now_us - (rng.random(n) * FACT_DAYS * DAY_US).astype(np.int64)
    chunk: Chunk = {
        ("auth", "users"): pl.DataFrame(
            {
                "id": patients.ids,
                "email": pl.select(
                    pl.format("patient{}@example.test", pl.Series(np.arange(n) + patients.first))
                ).to_series(),
                "created_at": moments(joined),
            }
        )
    }
    for name, maker in makers.items():
        since = joined[owner[name]]
        at = since + (rng.random(len(since)) * (patients.now_us - since)).astype(np.int64)
        key = "user_id" if name == "documents" else "patient_id"
        base = pl.DataFrame(
            {
                "id": uuids(rng, len(at)),
                key: patients.ids.gather(owner[name]),
                "archived": rng.random(len(at)) < _ARCHIVED,
                "created_at": moments(at),
            }
        )
        chunk[SCHEMA, name] = maker(base, at, rng)
    found = Facts(patients, chunk, owner)
    chunk[SCHEMA, "clinical_fact_sources"] = _sources(found, rng)
    return found


def _rated(base: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """Add how sure a fact is, whether to review it, and its last change."""
    n = base.height
    sure = np.round(rng.beta(8, 2, n), 3)
    unknown = rng.random(n) < _NEVER_RATED
    return base.with_columns(
        confidence_score=pl.Series(sure).set(pl.Series(unknown), None),
        requires_review=pl.Series((sure < 0.6) & ~unknown),
        updated_at=pl.col("created_at"),
    )


def _drawn(options: tuple[str, ...], n: int, rng: np.random.Generator) -> pl.Series:
    return words(options, rng.integers(0, len(options), n))


def _shared(options: dict[str, float], n: int, rng: np.random.Generator) -> pl.Series:
    code = np.searchsorted(np.cumsum(list(options.values()))[:-1], rng.random(n))
    return words(list(options), code)


def _severity(n: int, rng: np.random.Generator) -> pl.Series:
    """Return how grave, unknown of every fifth."""
    drawn = _shared(dict(zip(_SEVERITY, (0.5, 0.3, 0.15, 0.05), strict=True)), n, rng)
    return drawn.set(pl.Series(rng.random(n) < 0.2), None)


def _documents(base: pl.DataFrame, at: Ints, rng: np.random.Generator) -> pl.DataFrame:
    n = base.height
    subjects = (*_DRUGS, *_ILLNESSES, *_SUBSTANCES)
    sentences = tuple(f"{phrase} {subject}." for phrase in _PHRASES for subject in subjects)
    content = pl.DataFrame({f"s{k}": _drawn(sentences, n, rng) for k in range(10)})
    return _rated(base, rng).with_columns(
        title=_drawn(("letter", "report", "prescription", "referral"), n, rng),
        content=content.select(pl.concat_str(pl.all(), separator=" ")).to_series(),
    )


def _medications(base: pl.DataFrame, at: Ints, rng: np.random.Generator) -> pl.DataFrame:
    shares = {"active": 0.5, "completed": 0.3, "stopped": 0.15, "on_hold": 0.05}
    return _rated(base, rng).with_columns(
        name=_drawn(_DRUGS, base.height, rng),
        status=_shared(shares, base.height, rng),
        started_on=days_of(at),
    )


def _conditions(base: pl.DataFrame, at: Ints, rng: np.random.Generator) -> pl.DataFrame:
    shares = {"active": 0.4, "chronic": 0.3, "resolved": 0.3}
    return _rated(base, rng).with_columns(
        name=_drawn(_ILLNESSES, base.height, rng),
        status=_shared(shares, base.height, rng),
        severity=_severity(base.height, rng),
        onset_on=days_of(at),
    )


def _allergies(base: pl.DataFrame, at: Ints, rng: np.random.Generator) -> pl.DataFrame:
    return _rated(base, rng).with_columns(
        substance=_drawn(_SUBSTANCES, base.height, rng),
        status=_shared({"active": 0.9, "resolved": 0.1}, base.height, rng),
        severity=_severity(base.height, rng),
    )


def _lab_results(base: pl.DataFrame, at: Ints, rng: np.random.Generator) -> pl.DataFrame:
    return _rated(base, rng).with_columns(
        test_name=_drawn(_TESTS, base.height, rng),
        value=pl.Series(np.round(rng.gamma(9.0, 10.0, base.height), 2)),
        unit=pl.lit("mg/l"),
        measured_at=pl.col("created_at"),
    )


def _encounters(base: pl.DataFrame, at: Ints, rng: np.random.Generator) -> pl.DataFrame:
    return base.with_columns(
        kind=_drawn(_VISITS, base.height, rng), happened_at=pl.col("created_at")
    )


def _vitals(base: pl.DataFrame, at: Ints, rng: np.random.Generator) -> pl.DataFrame:
    n = base.height
    return base.with_columns(
        pulse=pl.Series(rng.normal(72, 10, n).astype(np.int64)),
        systolic=pl.Series(rng.normal(125, 14, n).astype(np.int64)),
        diastolic=pl.Series(rng.normal(80, 9, n).astype(np.int64)),
        measured_at=pl.col("created_at"),
    )


def _sources(found: Facts, rng: np.random.Generator) -> pl.DataFrame:
    """Return where each medication was read: a box on a page of one of its patient's documents."""
    rows = found.chunk[SCHEMA, "patient_medications"]
    document = found.one_of("documents", found.owner["patient_medications"], rng)
    x, y = rng.integers(0, 500, rows.height), rng.integers(0, 700, rows.height)
    corners = pl.DataFrame({"x": x, "y": y, "right": x + 90, "top": y + 14})
    return pl.DataFrame(
        {
            "id": uuids(rng, rows.height),
            "document_id": found.chunk[SCHEMA, "documents"]["id"].gather(document),
            "source_table": pl.repeat("patient_medications", rows.height, eager=True),
            "source_id": rows["id"],
            "page": rng.integers(1, 6, rows.height),
            "bounding_box": corners.select(
                pl.format("({},{}),({},{})", "x", "y", "right", "top")
            ).to_series(),
            "created_at": rows["created_at"],
        }
    )
