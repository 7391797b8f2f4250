"""Our reduced containerd protocol files and the Python generated from them."""
