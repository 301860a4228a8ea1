{{- define "surtitle.name" -}}
{{- if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 45 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 45 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "surtitle.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end -}}

{{/* Called with a list: the root, and the component. */}}
{{- define "surtitle.selector" -}}
{{- $root := index . 0 -}}
app.kubernetes.io/name: {{ $root.Chart.Name }}
app.kubernetes.io/instance: {{ $root.Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end -}}

{{- define "surtitle.secret" -}}
{{- .Values.lanes.existingSecret | default (printf "%s-lanes" (include "surtitle.name" .)) -}}
{{- end -}}

{{- define "surtitle.podSecurity" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{- define "surtitle.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end -}}

{{/* Settings by name, as variables of the environment. */}}
{{- define "surtitle.settings" -}}
{{- range $name, $value := . -}}
- name: SURTITLE_{{ upper $name }}
  {{- /* toJson, because Helm reads 1000000 as a number that it prints as 1e+06. */}}
  value: {{ if kindIs "string" $value }}{{ quote $value }}{{ else if kindIs "slice" $value }}{{ join "," $value | quote }}{{ else }}{{ toJson $value | quote }}{{ end }}
{{ end -}}
{{- end -}}

{{- define "surtitle.page" -}}
{{ ternary "https" "http" (ne .Values.ingress.tlsSecret "") }}://{{ .Values.ingress.host }}
{{- end -}}

{{/* The names under which a server without keys answers, besides addresses: the service's, the ingress's. */}}
{{- define "surtitle.origins" -}}
{{- $name := include "surtitle.name" . -}}
{{- $origins := list -}}
{{- $space := printf "%s.%s" $name .Release.Namespace -}}
{{- range list $name $space (printf "%s.svc" $space) (printf "%s.svc.cluster.local" $space) -}}
{{- $origins = append $origins (printf "http://%s" .) -}}
{{- end -}}
{{- if .Values.ingress.enabled -}}
{{- $origins = append $origins (include "surtitle.page" .) -}}
{{- end -}}
{{- join "," (concat $origins .Values.gateway.allowedOrigins) -}}
{{- end -}}
