{{- /* Namespaces whose pods neither webhook is asked about: its own, so that it can start again, and the named ones. */}}
{{- define "trustkit-webhook.excluded" -}}
{{- if has .Release.Namespace (list "default" "kube-system" "kube-public" "kube-node-lease") }}
{{- fail (printf "namespace %s is not trustkit's alone, and nothing in the webhooks' own namespace is verified; next: install it with -n trustkit-system --create-namespace" .Release.Namespace) }}
{{- end }}
{{- prepend (.Values.excludedNamespaces | default list) .Release.Namespace | uniq | toJson }}
{{- end }}
