-- What each campaign brought: visitors by first UTM campaign, and how many of them later had a user id on the same device.
WITH touches AS (
  SELECT anonymous_id, json_extract_string(context, '$.campaign.name') AS campaign, min(timestamp) AS first_at
  FROM {{ source('raw', 'events') }}
  WHERE type = 'page' AND json_extract_string(context, '$.campaign.name') IS NOT NULL
  GROUP BY 1, 2
), sign_ups AS (
  SELECT DISTINCT anonymous_id FROM {{ source('raw', 'events') }} WHERE type = 'track' AND event = 'Signed Up'
)
SELECT touches.campaign, count(*) AS visitors, count(sign_ups.anonymous_id) AS sign_ups
FROM touches LEFT JOIN sign_ups ON sign_ups.anonymous_id = touches.anonymous_id
GROUP BY 1
