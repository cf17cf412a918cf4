{{- define "tailrace.name" -}}
{{ .Values.nameOverride | default .Chart.Name | trunc 50 | trimSuffix "-" }}
{{- end }}

{{- /* The release's name, with the chart's unless that is in it. 50 characters leave room for -cluster and hashes. */}}
{{- define "tailrace.fullname" -}}
{{- $name := include "tailrace.name" . -}}
{{- $full := ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) -}}
{{ .Values.fullnameOverride | default $full | trunc 50 | trimSuffix "-" }}
{{- end }}

{{- /* Of namespaceless objects: two releases of one name in two namespaces share none of them. */}}
{{- define "tailrace.global" -}}
{{- $full := include "tailrace.fullname" . -}}
{{ ternary $full (printf "%s-%s" .Release.Namespace $full) (eq .Release.Namespace $full) }}
{{- end }}

{{- define "tailrace.agentAccount" -}}
{{- $made := include "tailrace.fullname" . -}}
{{ .Values.agent.serviceAccount.name | default (ternary $made "default" .Values.agent.serviceAccount.create) }}
{{- end }}

{{- define "tailrace.clusterAccount" -}}
{{- $made := printf "%s-cluster" (include "tailrace.fullname" .) -}}
{{ .Values.cluster.serviceAccount.name | default (ternary $made "default" .Values.cluster.serviceAccount.create) }}
{{- end }}

{{- define "tailrace.metricsAccount" -}}
{{- $made := printf "%s-metrics" (include "tailrace.fullname" .) -}}
{{ .Values.metrics.serviceAccount.name | default (ternary $made "default" .Values.metrics.serviceAccount.create) }}
{{- end }}

{{- define "tailrace.labels" -}}
app.kubernetes.io/name: {{ include "tailrace.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}

{{- /* (dict "top" $ "component" "agent") */}}
{{- define "tailrace.selector" -}}
app.kubernetes.io/name: {{ include "tailrace.name" .top }}
app.kubernetes.io/instance: {{ .top.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{- define "tailrace.image" -}}
{{- $image := .Values.image -}}
{{- if $image.digest -}}
{{ $image.repository }}@{{ $image.digest }}
{{- else -}}
{{ $image.repository }}:{{ $image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- end }}
