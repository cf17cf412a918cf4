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

{{- /* Whether the exporter asks its node's kubelet for /stats/summary: "yes" or nothing. */}}
{{- define "tailrace.asksForSummary" -}}
{{- if and (eq (include "tailrace.asks" .) "yes") (or .Values.metrics.kubelet .Values.config.kubelet_url (eq (.Values.config.metadata | default "auto") "kubelet")) }}yes{{ end -}}
{{- end }}

{{- /* The metrics' writers, as ",emf,lake,". A list of settings may be a text with commas. */}}
{{- define "tailrace.writers" -}}
{{- $writers := .Values.config.writers | default list -}}
,{{ kindIs "string" $writers | ternary $writers (join "," $writers) | nospace }},
{{- end }}

{{- define "tailrace.check" -}}
{{- $config := .Values.config -}}
{{- if not (or $config.sinks $config.lake (and $config.sink (not (has $config.sink (list "local" "s3"))))) -}}
{{- fail "config says nowhere where lines go; for a lake in a bucket: --set config.sink=s3 --set config.lake=s3://BUCKET/PREFIX (docs/settings.md)" -}}
{{- end -}}
{{- if and $config.writers (not .Values.metrics.enabled) -}}
{{- fail "config.writers names where metrics are written, but nobody would write them: set metrics.enabled=true, or leave config.writers out" -}}
{{- end -}}
{{- if and (contains ",emf," (include "tailrace.writers" .)) (not (or $config.cluster .Values.metrics.env .Values.secret.env)) -}}
{{- fail "config.writers has emf, which finds its log group by the cluster's name: set config.cluster" -}}
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
{{- with include "tailrace.port" . }}
{{- include "tailrace.probesOf" (dict "name" "metrics" "port" .) }}
{{- end }}
{{- end }}

{{- /* (dict "name" "metrics" "port" 9109 "host" true): host if the pod is in the node's network. */}}
{{- define "tailrace.probesOf" }}
ports:
  - name: {{ .name }}
    containerPort: {{ .port }}
    {{- if .host }}
    hostPort: {{ .port }}
    {{- end }}
    protocol: TCP
livenessProbe:
  # The agent itself counts a loop as stuck after a minute.
  httpGet: {path: /healthz, port: {{ .name }}}
  initialDelaySeconds: 10
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 3
readinessProbe:
  httpGet: {path: /readyz, port: {{ .name }}}
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 3
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

{{- /* The nodes that a DaemonSet is for. */}}
{{- define "tailrace.realNodes" -}}
nodeAffinity:
  requiredDuringSchedulingIgnoredDuringExecution:
    nodeSelectorTerms:
      - matchExpressions:
          # A Fargate node takes one pod and no hostPath: there the agent is a sidecar.
          - {key: eks.amazonaws.com/compute-type, operator: NotIn, values: [fargate]}
          - {key: type, operator: NotIn, values: [virtual-kubelet]}
{{- end }}

{{- /* (dict "top" $ "resources" …) */}}
{{- define "tailrace.stateInit" -}}
# The kubelet makes the state's folder as root:root 0755. Its owner hands it to the group that he is in: that takes
# root's id, and no capability.
- name: state
  image: {{ include "tailrace.image" .top }}
  imagePullPolicy: {{ .top.Values.image.pullPolicy }}
  command: [python, -Ic]
  args:
    - import os, sys; os.chown(sys.argv[1], -1, 10001); os.chmod(sys.argv[1], 0o2770)
    - {{ include "tailrace.state" .top }}
  securityContext:
    {{- include "tailrace.contained" .top | nindent 4 }}
    runAsNonRoot: false
    runAsUser: 0
    runAsGroup: 10001
  resources:
    {{- toYaml .resources | nindent 4 }}
  volumeMounts:
    - {name: state, mountPath: {{ include "tailrace.state" .top }}}
{{- end }}
