# title: Changes of aws-auth
# question: Who changed which AWS roles and users may enter the cluster?
# asks: security/aws_auth_changes
# reads: control plane
filter @logStream like /^kube-apiserver-audit/ and stage = "ResponseComplete"
| filter objectRef.resource = "configmaps" and objectRef.namespace = "kube-system" and objectRef.name = "aws-auth"
| filter verb in ["create", "update", "patch", "delete"]
| fields @timestamp, user.username, verb, responseStatus.code, requestObject.data.mapRoles, requestObject.data.mapUsers, sourceIPs.0, userAgent
| sort @timestamp desc
| limit 1000
