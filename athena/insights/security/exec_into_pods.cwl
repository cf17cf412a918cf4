# title: Exec into pods
# question: Who went into which pod, and with what command?
# asks: security/exec_into_pods
# reads: control plane
filter @logStream like /^kube-apiserver-audit/ and objectRef.resource = "pods"
| filter objectRef.subresource in ["exec", "attach", "portforward"]
| dedup auditID
| fields @timestamp, user.username, objectRef.namespace, objectRef.name, objectRef.subresource, requestURI, responseStatus.code, sourceIPs.0
| sort @timestamp desc
| limit 1000
