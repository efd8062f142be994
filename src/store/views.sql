-- The views that tama's own queries read, with the columns and units that tama gives them.
-- Times are milliseconds since the epoch; end_ms is 0 while a span runs; a retried span keeps its node_id (here its
-- path), has a new span_id, and names the try before it in prev_span_id. The run itself is no row of spans.
-- A time is when a thing happened: of a wrapped or imported run that is not when it was recorded.

CREATE VIEW runs AS
SELECT
    started.run_id                AS trace_id,
    coalesce(started.happened_ms, started.at_ms) AS "timestamp",
    started.entrypoint            AS entrypoint,
    coalesce(task.text, '')       AS task,
    CASE coalesce(latest.status, 'running') WHEN 'failed' THEN 'error' ELSE coalesce(latest.status, 'running') END
                                  AS status,
    coalesce(output.text, '')     AS output,
    CASE WHEN coalesce(latest.status, 'running') = 'running' THEN 0
         ELSE coalesce(latest.happened_ms, latest.at_ms) - coalesce(started.happened_ms, started.at_ms) END
                                  AS duration_ms
FROM (SELECT * FROM events WHERE kind = 'run_started') AS started
LEFT JOIN (
    SELECT * FROM events WHERE kind = 'run_status' ORDER BY seq DESC LIMIT 1
) AS latest ON true
LEFT JOIN texts AS task ON task.hash = started.input_text
LEFT JOIN texts AS output ON output.hash = latest.output_text;

-- The newest end of each span: an ancestor of a retried span ends anew.
CREATE VIEW span_ends AS
SELECT * FROM events WHERE kind = 'span_ended'
QUALIFY row_number() OVER (PARTITION BY span_id ORDER BY seq DESC) = 1;

-- What was really sent where an edit changed it, the newest per span.
CREATE VIEW span_sent AS
SELECT * FROM events WHERE kind = 'sent'
QUALIFY row_number() OVER (PARTITION BY span_id ORDER BY seq DESC) = 1;

CREATE VIEW spans AS
SELECT
    started.span_id               AS span_id,
    started.parent_span_id        AS parent_span_id,
    earlier.span_id               AS prev_span_id,
    started.path                  AS node_id,
    run.run_id                    AS trace_id,
    CASE started.span_kind
        WHEN 'agent' THEN 'agent:' || started.name || ':' || started.pattern
        WHEN 'llm'   THEN 'llm:' || CASE WHEN parent.pattern = 'react' THEN 'react_' || started.visit
                                         ELSE coalesce(parent.name, started.name) END
        ELSE started.span_kind || ':' || started.name
    END                           AS name,
    started.span_kind             AS kind,
    coalesce(started.happened_ms, started.at_ms) AS start_ms,
    coalesce(ended.happened_ms, ended.at_ms, 0)  AS end_ms,
    started.seq                   AS seq
FROM (SELECT * FROM events WHERE kind = 'span_started') AS started
LEFT JOIN (SELECT * FROM events WHERE kind = 'span_started') AS earlier
    ON earlier.path = started.path AND earlier.attempt = started.attempt - 1
LEFT JOIN (SELECT * FROM events WHERE kind = 'span_started') AS parent
    ON parent.span_id = started.parent_span_id
LEFT JOIN span_ends AS ended ON ended.span_id = started.span_id
LEFT JOIN (SELECT run_id FROM events WHERE kind = 'run_started') AS run ON true;

-- As in tama, a call is a row once it has its answer, and only an agent's first call carries the system prompt.
CREATE VIEW llm_calls AS
SELECT
    started.span_id               AS span_id,
    run.run_id                    AS trace_id,
    started.model                 AS model,
    started.temperature::REAL     AS temperature,
    CASE WHEN started.visit = 1 THEN system.text END
                                  AS system_prompt,
    coalesce(ended.response, '')  AS response,
    coalesce(ended.input_tokens, 0)::INTEGER  AS input_tokens,
    coalesce(ended.output_tokens, 0)::INTEGER AS output_tokens,
    coalesce(ended.happened_ms, ended.at_ms) - coalesce(started.happened_ms, started.at_ms) AS duration_ms
FROM (SELECT * FROM events WHERE kind = 'span_started' AND span_kind = 'llm') AS started
JOIN span_ends AS ended ON ended.span_id = started.span_id
LEFT JOIN span_sent AS sent ON sent.span_id = started.span_id
LEFT JOIN texts AS system ON system.hash = coalesce(sent.system_text, started.system_text)
LEFT JOIN (SELECT run_id FROM events WHERE kind = 'run_started') AS run ON true;

CREATE VIEW tool_calls AS
SELECT
    started.span_id               AS span_id,
    run.run_id                    AS trace_id,
    started.name                  AS tool_name,
    coalesce(args.text, '{}')     AS args_json,
    coalesce(output.text, '')     AS result,
    coalesce(ended.happened_ms, ended.at_ms) - coalesce(started.happened_ms, started.at_ms) AS duration_ms
FROM (SELECT * FROM events WHERE kind = 'span_started' AND span_kind = 'tool') AS started
JOIN span_ends AS ended ON ended.span_id = started.span_id
LEFT JOIN span_sent AS sent ON sent.span_id = started.span_id
LEFT JOIN texts AS args ON args.hash = coalesce(sent.args_text, started.args_text)
LEFT JOIN texts AS output ON output.hash = ended.output_text
LEFT JOIN (SELECT run_id FROM events WHERE kind = 'run_started') AS run ON true;

-- Questions of the policy and their answers; answer is NULL while there is none. Not in tama.
CREATE VIEW approvals AS
SELECT
    asked.span_id                 AS span_id,
    started.name                  AS tool_name,
    coalesce(args.text, '{}')     AS args_json,
    asked.rule                    AS rule,
    asked.at_ms                   AS asked_ms,
    answered.answer               AS answer,
    answered.at_ms                AS answered_ms,
    asked.seq                     AS seq
FROM (SELECT * FROM events WHERE kind = 'approval_asked') AS asked
LEFT JOIN (SELECT * FROM events WHERE kind = 'approval_answered') AS answered ON answered.action_seq = asked.seq
LEFT JOIN (SELECT * FROM events WHERE kind = 'span_started') AS started ON started.span_id = asked.span_id
LEFT JOIN texts AS args ON args.hash = asked.args_text;
