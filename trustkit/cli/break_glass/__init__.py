"""The actions of `trustkit break-glass`."""
