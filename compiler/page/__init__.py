"""One model of a page for people, and its renderers: text, Markdown, HTML, LaTeX, CSV."""
