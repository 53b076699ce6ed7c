{{- define "courtyard.name" -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- end -}}

{{- define "courtyard.labels" -}}
app.kubernetes.io/name: courtyard
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end -}}

{{- define "courtyard.selector" -}}
app.kubernetes.io/name: courtyard
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}
