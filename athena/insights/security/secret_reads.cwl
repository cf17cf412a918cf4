# title: Reads of secrets
# question: Who read secrets, how many times, and how many of the reads were refused?
# asks: security/secret_reads
# reads: control plane
filter @logStream like /^kube-apiserver-audit/ and stage = "ResponseComplete"
| filter objectRef.resource = "secrets" and verb in ["get", "list", "watch"]
| stats count(*) as reads, max(responseStatus.code) as highest_code, max(@timestamp) as last_ts by user.username, objectRef.namespace, verb
| sort reads desc
| limit 100
