-- One row per deal: what the CRM said about it, last word first.
SELECT
  json_extract_string(properties, '$.deal_id') AS deal_id,
  max(json_extract_string(properties, '$.account_id')) AS account_id,
  max(group_id_of_event) AS workspace_id,
  max(CAST(json_extract_string(properties, '$.amount') AS DECIMAL(18, 2))) AS amount,
  min(timestamp) AS opened_at,
  max(timestamp) FILTER (WHERE event IN ('Deal Won', 'Deal Lost')) AS closed_at,
  CASE
    WHEN count(*) FILTER (WHERE event = 'Deal Won') > 0 THEN 'won'
    WHEN count(*) FILTER (WHERE event = 'Deal Lost') > 0 THEN 'lost'
    ELSE 'open'
  END AS state
FROM (
  SELECT *, json_extract_string(context, '$.groupId') AS group_id_of_event
  FROM {{ source('raw', 'events') }}
  WHERE type = 'track' AND event IN ('Deal Opened', 'Deal Stage Changed', 'Deal Won', 'Deal Lost')
)
GROUP BY 1
