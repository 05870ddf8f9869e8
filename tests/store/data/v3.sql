PRAGMA application_id = 1349281636;
PRAGMA user_version = 3;
PRAGMA auto_vacuum = 2;
CREATE TABLE profile (
        id TEXT PRIMARY KEY,
        name TEXT NOT NULL,
        name_key TEXT NOT NULL UNIQUE,
        position INTEGER NOT NULL,
        body TEXT NOT NULL
    );
CREATE TABLE setting (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE job (
        n INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        session TEXT NOT NULL,
        profile_id TEXT NOT NULL,
        profile_name TEXT NOT NULL,
        state TEXT NOT NULL,
        received_at REAL NOT NULL,
        updated_at REAL NOT NULL,
        error TEXT NOT NULL,
        details TEXT NOT NULL,
        url TEXT NOT NULL,
        external_id TEXT NOT NULL,
        asset_id TEXT NOT NULL,
        task_id TEXT NOT NULL,
        project_id TEXT NOT NULL,
        workflow INTEGER NOT NULL,
        asset_path TEXT,
        asset_type TEXT NOT NULL,
        width INTEGER,
        height INTEGER,
        objects INTEGER NOT NULL,
        dropped INTEGER NOT NULL,
        fetch_ms REAL,
        queue_ms REAL,
        run_ms REAL,
        build_ms REAL,
        deliver_ms REAL,
        total_ms REAL,
        replay_of TEXT,
        classes TEXT NOT NULL DEFAULT '',
        ended TEXT
    );
CREATE INDEX job_time ON job (received_at);
CREATE INDEX job_session ON job (session);
CREATE INDEX job_ended ON job (ended, received_at);
CREATE INDEX job_profile ON job (profile_id, received_at, ended, total_ms);
CREATE TABLE job_payload (n INTEGER PRIMARY KEY, body);
CREATE TABLE job_answer (n INTEGER PRIMARY KEY, body, predictions);
CREATE VIRTUAL TABLE job_text USING fts5 (
        external_id, error, session, url, asset_id, task_id, classes,
        content = 'job', content_rowid = 'n', columnsize = 0, tokenize = 'unicode61 remove_diacritics 2'
    );
CREATE TABLE job_unindexed (n INTEGER PRIMARY KEY);
CREATE TABLE outbox (
        job_id TEXT PRIMARY KEY,
        profile_id TEXT NOT NULL,
        session TEXT NOT NULL,
        channel TEXT NOT NULL,
        body NOT NULL,
        created_at REAL NOT NULL,
        attempts INTEGER NOT NULL,
        state TEXT NOT NULL,
        sent_at REAL,
        reason TEXT NOT NULL DEFAULT ''
    );
CREATE INDEX outbox_open ON outbox (profile_id, created_at) WHERE state IN ('waiting', 'sent');
CREATE INDEX outbox_closed ON outbox (created_at) WHERE state IN ('done', 'failed');
CREATE TABLE log (
        n INTEGER PRIMARY KEY,
        at REAL NOT NULL,
        level INTEGER NOT NULL,
        message TEXT NOT NULL,
        source TEXT NOT NULL,
        profile_id TEXT NOT NULL,
        profile_name TEXT NOT NULL,
        session TEXT NOT NULL,
        job_id TEXT NOT NULL,
        details TEXT NOT NULL
    );
CREATE INDEX log_profile ON log (profile_id);
CREATE INDEX log_session ON log (session) WHERE session <> '';
CREATE INDEX log_severe ON log (n) WHERE level >= 30;
CREATE INDEX log_severe_profile ON log (profile_id) WHERE level >= 30;
CREATE VIRTUAL TABLE log_text USING fts5 (
        message, details, content = 'log', content_rowid = 'n', columnsize = 0,
        tokenize = 'unicode61 remove_diacritics 2'
    );
CREATE INDEX job_replay_time ON job (received_at) WHERE replay_of IS NOT NULL;
CREATE INDEX job_replay_profile ON job (profile_id, received_at, ended) WHERE replay_of IS NOT NULL;
CREATE INDEX job_replay_of ON job (replay_of) WHERE replay_of IS NOT NULL;
CREATE TABLE batch (
        job_id TEXT PRIMARY KEY,
        profile_id TEXT NOT NULL,
        project_id TEXT NOT NULL,
        plan TEXT NOT NULL,
        state TEXT NOT NULL,
        page INTEGER NOT NULL,
        total INTEGER NOT NULL,
        imported INTEGER NOT NULL,
        failed INTEGER NOT NULL,
        objects INTEGER NOT NULL,
        paused INTEGER NOT NULL,
        sending,
        created_at REAL NOT NULL,
        updated_at REAL NOT NULL
    );
CREATE INDEX batch_plan ON batch (profile_id, plan, updated_at) WHERE state = 'open';
CREATE INDEX batch_project ON batch (profile_id, project_id, created_at);
CREATE TABLE batch_asset (
        job_id TEXT NOT NULL,
        asset_id TEXT NOT NULL,
        state INTEGER NOT NULL,
        external_id TEXT NOT NULL DEFAULT '',
        reason TEXT NOT NULL DEFAULT '',
        PRIMARY KEY (job_id, asset_id)
    ) WITHOUT ROWID
    ;
CREATE INDEX batch_asset_open ON batch_asset (job_id, state, asset_id) WHERE state <> 1;
INSERT INTO profile (id, name, name_key, position, body) VALUES ('p-vehicles', 'Vehicles', 'vehicles', 1, '{"id": "p-vehicles", "name": "Vehicles", "host": "https://api.ango.ai", "plugin_id": "65f0c0ffee", "source": {"kind": "onnx", "path": "/models/vehicles.onnx", "provider": "cpu", "overrides": {}, "unload_after_s": null}, "enabled": true, "detection": {"confidence": 0.25, "iou": 0.45, "max_instances": 300, "min_size": 0.0, "agnostic": false, "class_confidence": {}, "classes": null, "shape": "auto"}, "concurrency": 1, "timeout_s": 120.0, "answer_format": "auto", "allow_private_assets": false, "allow_insecure_host": false, "memory_limit_mb": null, "shadow_of": null}');
INSERT INTO profile (id, name, name_key, position, body) VALUES ('p-plates', 'Plate reader', 'plate reader', 2, '{"id": "p-plates", "name": "Plate reader", "host": "https://api.ango.ai", "plugin_id": "65f0c0ffef", "source": {"kind": "callback", "script": "/scripts/plates.py", "python": null, "callback": null, "arguments": [], "environment": {}, "working_directory": null, "reload_on_change": false}, "enabled": true, "detection": {"confidence": 0.25, "iou": 0.45, "max_instances": 300, "min_size": 0.0, "agnostic": false, "class_confidence": {}, "classes": null, "shape": "auto"}, "concurrency": 1, "timeout_s": 120.0, "answer_format": "auto", "allow_private_assets": false, "allow_insecure_host": false, "memory_limit_mb": null, "shadow_of": null}');
INSERT INTO setting (key, value) VALUES ('cache_limit_mb', '512');
INSERT INTO setting (key, value) VALUES ('theme', '"dark"');
INSERT INTO meta (key, value) VALUES ('log_indexed', 0);
INSERT INTO job (n, id, session, profile_id, profile_name, state, received_at, updated_at, error, details, url, external_id, asset_id, task_id, project_id, workflow, asset_path, asset_type, width, height, objects, dropped, fetch_ms, queue_ms, run_ms, build_ms, deliver_ms, total_ms, replay_of, classes, ended) VALUES (1, 'j1', 's1', 'p-vehicles', 'Vehicles', 'delivered', 1760000001.0, 1760000002.0, '', '', 'https://bucket.example/street_1.jpg', 'street_1.jpg', '', '', '', 0, NULL, '', 1920, 1080, 2, 1, 20.5, 1.0, 150.0, 2.0, 11.0, 184.5, NULL, 'car
traffic light', 'delivered');
INSERT INTO job (n, id, session, profile_id, profile_name, state, received_at, updated_at, error, details, url, external_id, asset_id, task_id, project_id, workflow, asset_path, asset_type, width, height, objects, dropped, fetch_ms, queue_ms, run_ms, build_ms, deliver_ms, total_ms, replay_of, classes, ended) VALUES (2, 'j2', 's2', 'p-vehicles', 'Vehicles', 'failed', 1760000002.0, 1760000003.0, 'The script raised', '', 'https://bucket.example/street_2.jpg', 'street_2.jpg', '', '', '', 0, NULL, '', NULL, NULL, 0, 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '', 'failed');
INSERT INTO job (n, id, session, profile_id, profile_name, state, received_at, updated_at, error, details, url, external_id, asset_id, task_id, project_id, workflow, asset_path, asset_type, width, height, objects, dropped, fetch_ms, queue_ms, run_ms, build_ms, deliver_ms, total_ms, replay_of, classes, ended) VALUES (3, 'j3', 's3', 'p-vehicles', 'Vehicles', 'cancelled', 1760000003.0, 1760000004.0, '', '', 'https://bucket.example/street_3.jpg', 'street_3.jpg', '', '', '', 0, NULL, '', NULL, NULL, 0, 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '', 'cancelled');
INSERT INTO job (n, id, session, profile_id, profile_name, state, received_at, updated_at, error, details, url, external_id, asset_id, task_id, project_id, workflow, asset_path, asset_type, width, height, objects, dropped, fetch_ms, queue_ms, run_ms, build_ms, deliver_ms, total_ms, replay_of, classes, ended) VALUES (4, 'j4', 's4', 'p-vehicles', 'Vehicles', 'running', 1760000004.0, 1760000005.0, '', '', 'https://bucket.example/street_4.jpg', 'street_4.jpg', '', '', '', 0, NULL, '', NULL, NULL, 0, 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '', NULL);
INSERT INTO job_payload (n, body) VALUES (1, X'757B2273657373696F6E223A227331222C226170694B6579223A22E280A2E280A2E280A2222C226461746155524C223A2268747470733A2F2F6275636B65742E6578616D706C652F7374726565745F312E6A7067222C225C75303030307769746868656C64223A5B226170694B6579225D7D');
INSERT INTO job_payload (n, body) VALUES (2, X'757B2273657373696F6E223A227332222C226170694B6579223A22E280A2E280A2E280A2222C226461746155524C223A2268747470733A2F2F6275636B65742E6578616D706C652F7374726565745F322E6A7067222C225C75303030307769746868656C64223A5B226170694B6579225D7D');
INSERT INTO job_payload (n, body) VALUES (3, X'757B2273657373696F6E223A227333222C226170694B6579223A22E280A2E280A2E280A2222C226461746155524C223A2268747470733A2F2F6275636B65742E6578616D706C652F7374726565745F332E6A7067222C225C75303030307769746868656C64223A5B226170694B6579225D7D');
INSERT INTO job_payload (n, body) VALUES (4, X'757B2273657373696F6E223A227334222C226170694B6579223A22E280A2E280A2E280A2222C226461746155524C223A2268747470733A2F2F6275636B65742E6578616D706C652F7374726565745F342E6A7067222C225C75303030307769746868656C64223A5B226170694B6579225D7D');
INSERT INTO job_answer (n, body, predictions) VALUES (1, X'7A6D8F416EC3201045AF82FE9A56B6DB2EC20D7A06C70B0C9398D6010BB0D2CAB294833497CB49326493B42A8B91FE67F478B40B42FF412627A876411F666F9DDF3FF5E10B6A018FFAF94DE21BAA91383A9B07A8974A6220B71F32D46BB54A2433D041BF5B28E81A12D9E59138181DB1CAFFA915437E51377768F307DA370FD01CF56EE78C186F026B2761469D92E34E67177CF9089791C67B2C1291D2C4B7ECB5603B577C8AAE4F472A9248C48CE0B94B35E716B5982259670A53D818A689AC12B7B7C4E5F493E36C3E2FA7B37049F890C541970574DD15', X'755B7B22636C617373223A22636172222C2273636F7265223A302E39337D5D');
INSERT INTO job_unindexed (n) VALUES (1);
INSERT INTO job_unindexed (n) VALUES (2);
INSERT INTO job_unindexed (n) VALUES (3);
INSERT INTO outbox (job_id, profile_id, session, channel, body, created_at, attempts, state, sent_at, reason) VALUES ('j4', 'p-vehicles', 's4', 'socket', X'757B226572726F72223A20747275652C202273657373696F6E223A20227334227D', 1760000004.0, 0, 'waiting', NULL, '');
INSERT INTO log (n, at, level, message, source, profile_id, profile_name, session, job_id, details) VALUES (1, 1760000000.0, 20, 'the model is loaded', 'worker', 'p-vehicles', 'Vehicles', '', '', '');
INSERT INTO log (n, at, level, message, source, profile_id, profile_name, session, job_id, details) VALUES (2, 1760000002.0, 40, 'The script raised', 'script', 'p-vehicles', 'Vehicles', 's2', 'j2', '');
INSERT INTO batch (job_id, profile_id, project_id, plan, state, page, total, imported, failed, objects, paused, sending, created_at, updated_at) VALUES ('j4', 'p-vehicles', 'project-1', 'plan-1', 'open', 2, 9, 1, 1, 3, 0, NULL, 1.79556166434377098084e+09, 1.79556166434395909304e+09);
INSERT INTO batch_asset (job_id, asset_id, state, external_id, reason) VALUES ('j4', 'a1', 1, '', '');
INSERT INTO batch_asset (job_id, asset_id, state, external_id, reason) VALUES ('j4', 'a2', 2, 'b.png', 'it is no picture');
CREATE TRIGGER job_inserted AFTER INSERT ON job WHEN new.ended IS NOT NULL
    BEGIN
        INSERT INTO job_unindexed (n) VALUES (new.n);
    END;
CREATE TRIGGER job_finished AFTER UPDATE OF ended ON job WHEN old.ended IS NULL AND new.ended IS NOT NULL
    BEGIN
        INSERT INTO job_unindexed (n) VALUES (new.n);
    END;
CREATE TRIGGER job_reworded AFTER UPDATE OF external_id, error, session, url, asset_id, task_id, classes ON job
    WHEN old.ended IS NOT NULL AND old.n NOT IN job_unindexed AND (
        old.external_id <> new.external_id OR old.error <> new.error OR old.session <> new.session
        OR old.url <> new.url OR old.asset_id <> new.asset_id OR old.task_id <> new.task_id
        OR old.classes <> new.classes)
    BEGIN
        INSERT INTO job_text (job_text, rowid, external_id, error, session, url, asset_id, task_id, classes)
        VALUES ('delete', old.n, old.external_id, old.error, old.session, old.url, old.asset_id, old.task_id,
            old.classes);
        INSERT INTO job_unindexed (n) VALUES (new.n);
    END;
CREATE TRIGGER job_deleted AFTER DELETE ON job
    BEGIN
        INSERT INTO job_text (job_text, rowid, external_id, error, session, url, asset_id, task_id, classes)
        SELECT 'delete', old.n, old.external_id, old.error, old.session, old.url, old.asset_id, old.task_id,
            old.classes WHERE old.ended IS NOT NULL AND old.n NOT IN job_unindexed;
        DELETE FROM job_unindexed WHERE n = old.n;
        DELETE FROM job_payload WHERE n = old.n;
        DELETE FROM job_answer WHERE n = old.n;
    END;
CREATE TRIGGER job_ended BEFORE UPDATE OF state, ended ON job
    WHEN old.ended IS NOT NULL AND (new.ended IS NOT old.ended OR new.state <> old.state)
    BEGIN
        SELECT RAISE(IGNORE);
    END;
CREATE TRIGGER batch_deleted AFTER DELETE ON job
    BEGIN
        DELETE FROM batch WHERE job_id = old.id;
        DELETE FROM batch_asset WHERE job_id = old.id;
    END;
INSERT INTO log_text (log_text) VALUES ('rebuild');
UPDATE meta SET value = (SELECT max(n) FROM log) WHERE key = 'log_indexed';
INSERT INTO job_text (rowid, external_id, error, session, url, asset_id, task_id, classes) SELECT n, external_id, error, session, url, asset_id, task_id, classes FROM job WHERE ended IS NOT NULL;
DELETE FROM job_unindexed;
