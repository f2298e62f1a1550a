"""Federation: which clusters objects of the user's own go to, and how they differ there. Pure."""
