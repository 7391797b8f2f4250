"""The container engine: Admission to container, over containerd and runc."""
