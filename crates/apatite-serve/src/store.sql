-- The store. Originals are files named by their SHA-256 under `originals/`; here stands what they are, what readers
-- did (`edit`, append-only), and what was computed (`result`, can be made again).
CREATE TABLE study (
  uid        TEXT PRIMARY KEY,
  added      TEXT NOT NULL,
  attributes TEXT NOT NULL              -- DICOM JSON of the study level
);
CREATE TABLE series (
  uid        TEXT PRIMARY KEY,
  study      TEXT NOT NULL REFERENCES study (uid),
  modality   TEXT NOT NULL,
  attributes TEXT NOT NULL              -- DICOM JSON of the series level
);
CREATE INDEX series_of_study ON series (study);
CREATE TABLE instance (
  uid      TEXT PRIMARY KEY,
  series   TEXT NOT NULL REFERENCES series (uid),
  study    TEXT NOT NULL REFERENCES study (uid),
  original TEXT NOT NULL,               -- SHA-256 of the file
  syntax   TEXT NOT NULL,               -- transfer syntax of the file
  number   INTEGER NOT NULL,
  frames   INTEGER NOT NULL,
  metadata TEXT NOT NULL                -- DICOM JSON without bulk data
);
CREATE INDEX instance_of_series ON instance (series, number, uid);
CREATE INDEX instance_of_study ON instance (study);
CREATE TABLE patient_case (
  id       TEXT PRIMARY KEY,
  added    TEXT NOT NULL,
  original TEXT,                        -- SHA-256 of the case file; none where the case began with images
  format   TEXT NOT NULL,               -- toml or json
  document TEXT NOT NULL                -- the case before any edit, JSON
);
CREATE TABLE case_study (
  patient_case TEXT NOT NULL REFERENCES patient_case (id),
  study        TEXT NOT NULL REFERENCES study (uid),
  PRIMARY KEY (patient_case, study)
);
CREATE INDEX case_of_study ON case_study (study);
CREATE TABLE edit (
  number       INTEGER PRIMARY KEY AUTOINCREMENT,
  patient_case TEXT NOT NULL REFERENCES patient_case (id),
  made         TEXT NOT NULL,
  who          TEXT NOT NULL,
  body         TEXT NOT NULL
);
CREATE INDEX edit_of_case ON edit (patient_case, number);
CREATE TRIGGER edit_stays BEFORE UPDATE ON edit BEGIN SELECT RAISE (ABORT, 'edits are append-only'); END;
CREATE TRIGGER edit_remains BEFORE DELETE ON edit BEGIN SELECT RAISE (ABORT, 'edits are append-only'); END;
CREATE TABLE result (
  study   TEXT PRIMARY KEY REFERENCES study (uid),
  made    TEXT NOT NULL,
  program TEXT NOT NULL,
  body    TEXT NOT NULL,                -- lesions, findings, series
  labels  TEXT NOT NULL                 -- SHA-256 of the labels under `results/`
);
CREATE TABLE job (
  id      INTEGER PRIMARY KEY AUTOINCREMENT,
  study   TEXT NOT NULL REFERENCES study (uid),
  state   TEXT NOT NULL,                -- queued, running, done, failed, cancelled
  created TEXT NOT NULL,
  ended   TEXT,
  error   TEXT
);
CREATE INDEX job_by_state ON job (state, id);
CREATE TABLE audit (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  at     TEXT NOT NULL,
  who    TEXT NOT NULL,
  role   TEXT NOT NULL,
  method TEXT NOT NULL,
  path   TEXT NOT NULL,
  status INTEGER NOT NULL
);
CREATE TRIGGER audit_stays BEFORE UPDATE ON audit BEGIN SELECT RAISE (ABORT, 'the audit trail is append-only'); END;
CREATE TRIGGER audit_remains BEFORE DELETE ON audit BEGIN SELECT RAISE (ABORT, 'the audit trail is append-only'); END;
CREATE TABLE token (
  digest  TEXT PRIMARY KEY,             -- SHA-256 of the token
  name    TEXT NOT NULL UNIQUE,
  role    TEXT NOT NULL,
  created TEXT NOT NULL
);
