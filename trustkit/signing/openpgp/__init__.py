"""OpenPGP keys and signatures checked at one moment (RFC 9580), with the maths of the crypto provider."""
