-- Which silos there are: the tables and statements by which the AdoNet clustering of Orleans (10.4) keeps its membership. The provider reads its statements from OrleansQuery and
-- knows them by key, parameters by name and type, and result columns by name; tables are ours. Each change is one statement: it takes the version row of the cluster first,
-- where of two changes that expect the same version the second finds another one and changes nothing.
CREATE TABLE OrleansQuery
(
    QueryKey  text NOT NULL PRIMARY KEY,
    QueryText text NOT NULL
);

CREATE TABLE silo_cluster
(
    cluster text COLLATE "C" NOT NULL PRIMARY KEY,
    version integer          NOT NULL DEFAULT 0 -- counts the changes of membership
) WITH (fillfactor = 80);

CREATE TABLE silo
(
    cluster    text COLLATE "C" NOT NULL REFERENCES silo_cluster ON DELETE CASCADE,
    address    text COLLATE "C" NOT NULL,
    port       integer          NOT NULL,
    generation integer          NOT NULL, -- a silo that starts anew at the same address is another one
    name       text             NOT NULL,
    host       text             NOT NULL,
    status     integer          NOT NULL, -- Orleans.Runtime.SiloStatus; 3 is Active
    gateway    integer,                   -- port for clients; 0 or NULL: none
    suspects   text,                      -- who believes it dead, and since when
    started    timestamptz      NOT NULL,
    alive      timestamptz      NOT NULL, -- when it last said that it is
    PRIMARY KEY (cluster, address, port, generation)
) WITH (fillfactor = 80);

INSERT INTO OrleansQuery (QueryKey, QueryText) VALUES
('InsertMembershipVersionKey', '
WITH added AS (INSERT INTO silo_cluster (cluster) VALUES (@DeploymentId) ON CONFLICT DO NOTHING RETURNING cluster)
SELECT count(*)::integer FROM added;
'),
('InsertMembershipKey', '
WITH changed AS
(
    UPDATE silo_cluster AS c SET version = c.version + 1
    WHERE c.cluster = @DeploymentId AND c.version = @Version AND NOT EXISTS
        (SELECT 1 FROM silo AS s WHERE s.cluster = @DeploymentId AND s.address = @Address AND s.port = @Port AND s.generation = @Generation)
    RETURNING c.cluster
), added AS
(
    INSERT INTO silo (cluster, address, port, generation, name, host, status, gateway, started, alive)
    SELECT cluster, @Address, @Port, @Generation, @SiloName, @HostName, @Status, @ProxyPort, @StartTime, @IAmAliveTime FROM changed
    RETURNING cluster
)
SELECT count(*)::integer FROM added;
'),
('UpdateMembershipKey', '
WITH changed AS
(
    UPDATE silo_cluster AS c SET version = c.version + 1
    WHERE c.cluster = @DeploymentId AND c.version = @Version AND EXISTS
        (SELECT 1 FROM silo AS s WHERE s.cluster = @DeploymentId AND s.address = @Address AND s.port = @Port AND s.generation = @Generation)
    RETURNING c.cluster
), updated AS
(
    UPDATE silo AS s SET status = @Status, suspects = @SuspectTimes, alive = @IAmAliveTime
    FROM changed WHERE s.cluster = changed.cluster AND s.address = @Address AND s.port = @Port AND s.generation = @Generation
    RETURNING s.cluster
)
SELECT count(*)::integer FROM updated;
'),
('UpdateIAmAlivetimeKey', '
UPDATE silo SET alive = @IAmAliveTime WHERE cluster = @DeploymentId AND address = @Address AND port = @Port AND generation = @Generation;
'),
('MembershipReadAllKey', '
SELECT c.cluster AS DeploymentId, s.address AS Address, s.port AS Port, s.generation AS Generation, s.name AS SiloName, s.host AS HostName, s.status AS Status,
    s.gateway AS ProxyPort, s.suspects AS SuspectTimes, s.started AS StartTime, s.alive AS IAmAliveTime, c.version AS Version
FROM silo_cluster AS c LEFT JOIN silo AS s ON s.cluster = c.cluster
WHERE c.cluster = @DeploymentId;
'),
('MembershipReadRowKey', '
SELECT c.cluster AS DeploymentId, s.address AS Address, s.port AS Port, s.generation AS Generation, s.name AS SiloName, s.host AS HostName, s.status AS Status,
    s.gateway AS ProxyPort, s.suspects AS SuspectTimes, s.started AS StartTime, s.alive AS IAmAliveTime, c.version AS Version
FROM silo_cluster AS c LEFT JOIN silo AS s ON s.cluster = c.cluster AND s.address = @Address AND s.port = @Port AND s.generation = @Generation
WHERE c.cluster = @DeploymentId;
'),
('GatewaysQueryKey', '
SELECT address AS Address, gateway AS ProxyPort, generation AS Generation FROM silo WHERE cluster = @DeploymentId AND status = @Status AND gateway > 0;
'),
('DeleteMembershipTableEntriesKey', '
DELETE FROM silo_cluster WHERE cluster = @DeploymentId;
'),
-- Orleans asks for it from time to time; without it rows of silos that are gone stay for ever. An active one stays, however long it was silent: that is for the others to decide.
('CleanupDefunctSiloEntriesKey', '
DELETE FROM silo WHERE cluster = @DeploymentId AND alive < @IAmAliveTime AND status <> 3;
');
