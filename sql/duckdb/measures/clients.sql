-- made from measures/clients.sql, sha256 358f6d25d5203fd3
-- reads requests; returns project VARCHAR, location VARCHAR, workload VARCHAR, service VARCHAR, revision VARCHAR, endpoint VARCHAR, status BIGINT, clients BIGINT, most BIGINT
/* How many clients met each status of an endpoint, and does one client stand for many of its requests? */
/* Grain: one row per revision, endpoint ('' for all together) and status (0 for all together). */
/* Units: clients in distinct digests of addresses; most in requests of the client that has the most of them. */
WITH counted AS (
  SELECT
    project,
    location,
    workload,
    service,
    revision,
    name,
    kind,
    client,
    COUNT(*) AS n
  FROM requests
  CROSS JOIN UNNEST([endpoint, '']) AS _t0(name)
  CROSS JOIN UNNEST([http_status, 0]) AS _t1(kind)
  WHERE
    is_eligible AND NOT client IS NULL
  GROUP BY
    project,
    location,
    workload,
    service,
    revision,
    name,
    kind,
    client
), clients AS (
  SELECT
    project,
    location,
    workload,
    service,
    revision,
    name AS endpoint,
    kind AS status,
    COUNT(*) AS clients,
    MAX(n) AS most
  FROM counted
  GROUP BY
    project,
    location,
    workload,
    service,
    revision,
    name,
    kind
)
SELECT
  *
FROM clients
