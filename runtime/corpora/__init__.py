"""Published corpora by name: a catalogue of them, and what writes one into a folder.

`catalogue.yaml` says where each corpus is published and which files it has. `supply` finds the
files, fetched by address (`fetching`) or brought by the user; `readers` and `hub` turn them into
rows; `filters` leaves rows out and counts them; `writing` puts the rows into a folder with
checksums and `corpus.json`, whole or not at all.
"""
