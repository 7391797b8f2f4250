{{- /* Namespaces whose pods neither webhook is asked about: its own, so that it can start again, and the named ones. */}}
{{- define "trustkit-webhook.excluded" -}}
{{ prepend (.Values.excludedNamespaces | default list) .Release.Namespace | uniq | toJson }}
{{- end }}
