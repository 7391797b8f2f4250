"""The Kubernetes admission webhook: reviews in, decisions out."""
