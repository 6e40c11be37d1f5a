-- Format 1 of a keytrail state. Days are days since 1970, times are seconds since 1970, hashes are
-- the two's complement of 64 bits, values are a byte of form, a checksum of eight and the bytes.
-- The tables are keytrail's own and change with the format; the views are for everybody.

CREATE TABLE writes (
    count INTEGER NOT NULL
) STRICT;
INSERT INTO writes VALUES (0);

CREATE TABLE tally (
    account TEXT NOT NULL,
    day INTEGER NOT NULL,
    version INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    value BLOB NOT NULL,
    PRIMARY KEY (account, day)
) STRICT;

CREATE TABLE base (
    account TEXT NOT NULL,
    generation INTEGER NOT NULL,
    day INTEGER NOT NULL,
    shard INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    value BLOB NOT NULL,
    PRIMARY KEY (account, generation, day, shard)
) STRICT;

CREATE TABLE pointer (
    account TEXT NOT NULL PRIMARY KEY,
    generation INTEGER NOT NULL,
    day INTEGER NOT NULL,
    shards INTEGER NOT NULL,
    maths_version INTEGER NOT NULL,
    configuration_hash INTEGER NOT NULL,
    enrichment_hash INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE finding (
    id TEXT NOT NULL,
    episode TEXT NOT NULL,
    revision INTEGER NOT NULL,
    sent_revision INTEGER NOT NULL,
    sent_at INTEGER,
    told TEXT,
    state TEXT NOT NULL,
    severity TEXT NOT NULL,
    rule TEXT NOT NULL,
    account TEXT NOT NULL,
    principal TEXT,
    kms_key TEXT,
    first_seen INTEGER NOT NULL,
    last_seen INTEGER NOT NULL,
    score REAL NOT NULL,
    json TEXT NOT NULL,
    PRIMARY KEY (id, episode)
) STRICT;
CREATE INDEX finding_by_account ON finding (account, id, episode);
CREATE INDEX finding_pending ON finding (id, episode) WHERE revision > sent_revision;

CREATE TABLE triage (
    id TEXT NOT NULL,
    episode TEXT NOT NULL,
    number INTEGER NOT NULL,
    state TEXT NOT NULL,
    at INTEGER NOT NULL,
    by TEXT NOT NULL,
    note TEXT NOT NULL,
    PRIMARY KEY (id, episode, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE quarantine (
    name TEXT NOT NULL PRIMARY KEY,
    account TEXT,
    reason TEXT NOT NULL,
    tries INTEGER NOT NULL,
    first_at INTEGER NOT NULL,
    last_at INTEGER NOT NULL
) STRICT;

CREATE TABLE document (
    account TEXT NOT NULL,
    name TEXT NOT NULL,
    value BLOB NOT NULL,
    PRIMARY KEY (account, name)
) STRICT, WITHOUT ROWID;

CREATE VIEW findings AS
SELECT
    finding.id,
    finding.episode,
    finding.revision,
    finding.sent_revision,
    strftime('%Y-%m-%dT%H:%M:%SZ', finding.sent_at, 'unixepoch') AS sent_at,
    finding.state,
    coalesce(latest.state, 'open') AS triage,
    strftime('%Y-%m-%dT%H:%M:%SZ', latest.at, 'unixepoch') AS triaged_at,
    latest.by AS triaged_by,
    latest.note AS triage_note,
    finding.rule,
    CASE WHEN json_valid(finding.json) THEN json_extract(finding.json, '$.title') END AS title,
    finding.severity,
    finding.score,
    finding.account,
    finding.principal,
    finding.kms_key AS key,
    strftime('%Y-%m-%dT%H:%M:%SZ', finding.first_seen, 'unixepoch') AS first_seen,
    strftime('%Y-%m-%dT%H:%M:%SZ', finding.last_seen, 'unixepoch') AS last_seen,
    finding.json
FROM finding
LEFT JOIN triage AS latest
    ON latest.id = finding.id
    AND latest.episode = finding.episode
    AND latest.number = (
        SELECT max(number) FROM triage AS note
        WHERE note.id = finding.id AND note.episode = finding.episode
    );

CREATE VIEW tallied_days AS
SELECT
    tally.account,
    date(tally.day * 86400, 'unixepoch') AS day,
    CASE WHEN tally.day <= pointer.day THEN 'closed' ELSE 'open' END AS state,
    tally.bytes,
    length(tally.value) AS stored_bytes
FROM tally
LEFT JOIN pointer ON pointer.account = tally.account;

CREATE VIEW accounts AS
SELECT
    known.account,
    pointer.generation,
    date(pointer.day * 86400, 'unixepoch') AS closed_through,
    pointer.maths_version,
    printf('%016x', pointer.configuration_hash) AS configuration_hash,
    printf('%016x', pointer.enrichment_hash) AS enrichment_hash,
    (SELECT count(*) FROM tally WHERE tally.account = known.account) AS days,
    (SELECT date(min(day) * 86400, 'unixepoch') FROM tally WHERE tally.account = known.account)
        AS first_day,
    (SELECT date(max(day) * 86400, 'unixepoch') FROM tally WHERE tally.account = known.account)
        AS last_day,
    (SELECT count(*) FROM finding WHERE finding.account = known.account) AS findings
FROM (
    SELECT account FROM tally
    UNION SELECT account FROM pointer
    UNION SELECT account FROM finding
    UNION SELECT account FROM document
) AS known
LEFT JOIN pointer ON pointer.account = known.account;
