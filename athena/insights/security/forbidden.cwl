# title: Refused calls
# question: Whose calls were refused (401, 403), of what, and how often?
# asks: security/forbidden
# reads: control plane
filter @logStream like /^kube-apiserver-audit/ and stage = "ResponseComplete"
| filter responseStatus.code in [401, 403]
| stats count(*) as calls, max(@timestamp) as last_ts by user.username, verb, objectRef.resource, objectRef.namespace, responseStatus.code
| sort calls desc
| limit 100
