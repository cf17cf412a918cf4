# title: Anonymous calls
# question: What was asked of the API server without a name, from where, and what came back?
# asks: security/anonymous
# reads: control plane
filter @logStream like /^kube-apiserver-audit/ and stage = "ResponseComplete"
| filter user.username = "system:anonymous"
| stats count(*) as calls, max(@timestamp) as last_ts by sourceIPs.0, verb, requestURI, responseStatus.code
| sort calls desc
| limit 100
