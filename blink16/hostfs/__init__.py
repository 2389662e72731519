"""The file tree that guests see: `files` puts an overlay in memory over a folder of the host,
which `hostfolder` enters without ever following a link; `hostchanges` is what changed there.
"""
