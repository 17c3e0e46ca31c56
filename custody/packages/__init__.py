"""Evidence packages: BagIt folders that prove custody to strangers. Format: docs/design/evidence-package.md."""
