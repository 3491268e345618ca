-- Money by month and plan.
SELECT date_trunc('month', paid_at) AS month, plan, count(*) AS payments, sum(amount) AS revenue
FROM {{ ref('payments') }}
GROUP BY 1, 2
