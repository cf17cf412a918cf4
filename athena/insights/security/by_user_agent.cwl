# title: Who calls the API server
# question: Which programs call the API server most, and how much of that is LIST?
# asks: security/by_user_agent
# reads: control plane
filter @logStream like /^kube-apiserver-audit/ and stage = "ResponseComplete"
| stats count(*) as calls, count_distinct(user.username) as users, max(responseStatus.code) as highest_code by userAgent, verb
| sort calls desc
| limit 100
