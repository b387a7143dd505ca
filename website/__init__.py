"""The documentation site: pages that are made of the tree, and how MkDocs comes by them."""
