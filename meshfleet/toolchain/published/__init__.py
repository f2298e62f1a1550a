"""Programs as their publishers release them: taken in place of a build where the publishers respond.

`table` is what is published where, `mirrors` where else it may come from, `digests` and `images` read what publishers
say of their files, `records` is the lock file; these are pure. `downloads` and `registry` are the network, `unpacking`
takes the wanted files out of archives and layers, and `installing` puts it together for the builder.
"""
