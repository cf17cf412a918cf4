{{- /* What the settings in `config` mean for the pods. The two defaults here are the agent's; a test compares them. */}}
{{- define "tailrace.root" -}}
{{ .Values.config.root | default "/" | trimSuffix "/" }}
{{- end }}

{{- define "tailrace.state" -}}
{{ .Values.config.state | default "/var/lib/tailrace" }}
{{- end }}

{{- /* Whether `config` wants lines from Forward of other pods: "yes" or nothing. */}}
{{- define "tailrace.forwardPort" -}}
{{- $listen := .Values.config.forward_listen | default "" -}}
{{- if not (or (hasPrefix "127." $listen) (hasPrefix "localhost:" $listen) (hasPrefix "[::1]" $listen)) -}}
{{ regexFind "[0-9]+$" $listen }}
{{- end -}}
{{- end }}

{{- /* The port of `listen`; nothing if there is none. A pod's probes come from outside of it. */}}
{{- define "tailrace.port" -}}
{{- $listen := .Values.config.listen | default "" -}}
{{- if or (hasPrefix "127." $listen) (hasPrefix "localhost:" $listen) (hasPrefix "[::1]" $listen) -}}
{{- fail (printf "config.listen is %s: the probes could not reach it and every pod would be restarted for ever; leave it out, or write :9109" $listen) -}}
{{- end -}}
{{ regexFind "[0-9]+$" $listen }}
{{- end }}

{{- /* Whether the node's agent asks the API server or the kubelet: "yes" or nothing. */}}
{{- define "tailrace.asks" -}}
{{- if ne (.Values.config.metadata | default "auto") "off" }}yes{{ end -}}
{{- end }}

{{- define "tailrace.check" -}}
{{- $config := .Values.config -}}
{{- if not (or $config.sinks $config.lake (and $config.sink (not (has $config.sink (list "local" "s3"))))) -}}
{{- fail "config says nowhere where lines go; for a lake in a bucket: --set config.sink=s3 --set config.lake=s3://BUCKET/PREFIX (docs/settings.md)" -}}
{{- end -}}
{{- if and .Values.cluster.enabled (eq ($config.sink | default "local") "local") (not $config.sinks) (not .Values.cluster.extraVolumeMounts) -}}
{{- fail "config.sink is local: the cluster agent's part of the lake would be lost with its pod; set config.sink, or cluster.enabled=false, or mount a folder at config.lake with cluster.extraVolumes and cluster.extraVolumeMounts" -}}
{{- end -}}
{{- end }}

{{- /* The settings file, then the files that it names. */}}
{{- define "tailrace.files" -}}
tailrace.yaml: |
  {{- toYaml .Values.config | nindent 2 }}
{{- range $name, $text := .Values.files }}
{{ $name }}: |
  {{- $text | nindent 2 }}
{{- end }}
{{- end }}

{{- define "tailrace.probes" -}}
{{- if include "tailrace.port" . }}
ports:
  - name: metrics
    containerPort: {{ include "tailrace.port" . }}
    protocol: TCP
livenessProbe:
  # The agent itself counts a loop as stuck after a minute.
  httpGet: {path: /healthz, port: metrics}
  initialDelaySeconds: 10
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 3
readinessProbe:
  httpGet: {path: /readyz, port: metrics}
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 3
{{- end }}
{{- end }}

{{- define "tailrace.envFrom" -}}
{{- with .Values.secret.env }}
envFrom:
  - secretRef: {name: {{ . }}}
{{- end }}
{{- end }}

{{- define "tailrace.settingsMounts" -}}
- {name: settings, mountPath: /etc/tailrace, readOnly: true}
{{- if .Values.secret.files }}
- {name: secret, mountPath: /etc/tailrace-secret, readOnly: true}
{{- end }}
{{- end }}

{{- define "tailrace.settingsVolumes" -}}
- name: settings
  configMap: {name: {{ include "tailrace.fullname" . }}}
{{- with .Values.secret.files }}
- name: secret
  secret: {secretName: {{ . }}, defaultMode: 288}
{{- end }}
{{- end }}

{{- /* Who runs in a pod: what both pods have, what one has more, and what the values say instead. */}}
{{- define "tailrace.user" -}}
{{- $user := dict "runAsNonRoot" true "runAsUser" 10001 "runAsGroup" 10001 "seccompProfile" (dict "type" "RuntimeDefault") -}}
{{- /* Not merge: it takes 0 and false for nothing. */ -}}
{{- range $key, $value := .more }}{{ $_ := set $user $key $value }}{{ end -}}
{{- range $key, $value := .own }}{{ $_ := set $user $key $value }}{{ end -}}
{{ toYaml $user }}
{{- end }}

{{- /* Nothing but what a container of ours needs: see the Dockerfile on user and groups. */}}
{{- define "tailrace.contained" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end }}
