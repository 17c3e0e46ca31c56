"""Finding: one contract, two indexes (embedded Tantivy; OpenSearch)."""
