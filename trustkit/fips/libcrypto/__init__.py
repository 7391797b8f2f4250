"""The system's OpenSSL 3 through ctypes: what its providers, FIPS or not, are driven by."""
