"""The engine `karmada`: what a declaration is in the words of Karmada's API. Pure."""
