-- One row per successful payment; money is decimal.
SELECT
  json_extract_string(properties, '$.invoice_id') AS invoice_id,
  json_extract_string(properties, '$.workspace_id') AS workspace_id,
  json_extract_string(properties, '$.plan') AS plan,
  CAST(json_extract_string(properties, '$.amount') AS DECIMAL(18, 2)) AS amount,
  timestamp AS paid_at
FROM {{ source('raw', 'events') }}
WHERE type = 'track' AND event = 'Payment Succeeded'
