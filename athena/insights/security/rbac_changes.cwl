# title: Changes of rights
# question: Who made, changed or deleted roles and bindings, and was it allowed?
# asks: security/rbac_changes
# reads: control plane
filter @logStream like /^kube-apiserver-audit/ and stage = "ResponseComplete"
| filter objectRef.apiGroup = "rbac.authorization.k8s.io" and verb in ["create", "update", "patch", "delete", "deletecollection"]
| fields @timestamp, user.username, verb, objectRef.resource, objectRef.namespace, objectRef.name, responseStatus.code, sourceIPs.0, userAgent
| sort @timestamp desc
| limit 1000
